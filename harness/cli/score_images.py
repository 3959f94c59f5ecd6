"""`harness score` of images: one set of samples or several, each against the same reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.cli import options, score_output
from harness.cli.score_options import VARIATIONS, ScoreOptions
from harness.cli.tables import console_beside, print_line
from harness.core.counting import counted
from harness.core.errors import BadInput

if TYPE_CHECKING:
    from harness.core.measurement import Measurement
    from harness.core.terminal import Console
    from harness.data.images_on_disk import OpenOptions
    from harness.evaluation.profiles import Profile
    from harness.scoring import Scoring, Sets
    from harness.scoring.extras import Extras
    from harness.scoring.per_image import ImageTable
    from harness.scoring.variations import Variations
    from harness.training.numerics import Numerics


def score_images(request: ScoreOptions, numerics: Numerics) -> None:
    """Check all sets of samples, then measure and show one after the other.

    Raises BadInput for options that do not go together, and for sets that cannot be read, compared
    or measured.
    """
    from harness.data.images_on_disk import OpenOptions

    resize = request.sets.image_resize()
    check_combinations(request)
    definitions, extras = request.metrics.definitions(), request.files.extras()
    sets = list(open_all(request, OpenOptions(request.compute.data_root, resize)))
    job = ImageJob(request, numerics, definitions, extras, several=len(sets) > 1)
    for one in sets:  # before the first is measured
        job.check(one)
    job.run(sets)


@dataclass(frozen=True)
class ImageJob:
    """How sets of images are measured, shown and written."""

    request: ScoreOptions
    numerics: Numerics
    definitions: Profile | Variations
    extras: Extras
    several: bool

    def check(self, sets: Sets) -> None:
        """Raise BadInput before any work for what cannot be measured or made of these sets."""
        from harness.scoring.per_image import check_has_values
        from harness.scoring.selection import select

        self.extras.check(sets)
        networks = self.request.metrics.networks()
        selection = select(sets, self._metric_names(), networks, self.definitions)
        if self.extras.per_image:
            check_has_values(selection.metrics)

    def run(self, all_sets: Sequence[Sets]) -> None:
        """Measure and show each of the sets, then write what was measured."""
        from harness.scoring.document import write_json

        files = self.request.files
        console = console_beside(*files.files())
        documents, rows = [], []
        for sets in all_sets:
            measurements, document = self._measure(console, sets)
            documents.append(document)
            rows += measurements
        if files.json_file:
            write_json({"scored": documents} if self.several else documents[0], files.json_file)
        score_output.exit_on_failures(console, rows)

    def _measure(self, console: Console, sets: Sets) -> tuple[list[Measurement], dict[str, Any]]:
        """Measures one set: returns its rows and its document after showing both, writing the
        extras and logging the rows.
        """
        from harness.scoring.document import scoring_document
        from harness.scoring.per_image import image_table

        scoring = self._scoring(sets)
        evidence = scoring.evidence()
        rows = score_output.measure(console, scoring, evidence)
        if sets.name:
            print_line(console, f"{sets.name}:")
        score_output.show_sets(console, sets)
        score_output.show_rows(console, rows, sets.name if self.several else "")
        curve = self.extras.make(scoring, rows, evidence)
        score_output.show_extras(console, self.extras, curve, sets)
        document = scoring_document(scoring, rows, curve)
        if self.request.files.log:
            self._log(console, document, rows, image_table(scoring, rows, evidence))
        return rows, document

    def _scoring(self, sets: Sets) -> Scoring:
        from harness.scoring import make_scoring
        from harness.scoring.scoring import with_extractor

        networks = self.request.metrics.networks()
        scoring = make_scoring(
            sets, self._metric_names(), networks, self.numerics, self.definitions
        )
        return with_extractor(scoring) if self.extras.need_features else scoring

    def _log(
        self,
        console: Console,
        document: Mapping[str, Any],
        rows: Sequence[Measurement],
        table: ImageTable,
    ) -> None:
        from harness.scoring.document import log_scoring

        store = self.request.results.open()
        print_line(console, f"Run: {log_scoring(document, rows, store, table)} in {store.uri}")

    def _metric_names(self) -> list[str] | None:
        """The named metrics; none for a shard, because its numbers alone say nothing."""
        names = self.request.metrics.names()
        if self.extras.statistics and not self.request.sets.reference and names is None:
            return []
        return names


def open_all(request: ScoreOptions, opening: OpenOptions) -> Iterator[Sets]:
    """Each set of samples with what it is compared with; all draws of a model are one."""
    places = request.samples[:1] if request.sets.draws else request.samples
    for place, name in zip(places, _names(request, places), strict=True):
        yield replace(_open(request, place, opening), name=name)


def _open(request: ScoreOptions, place: str, opening: OpenOptions) -> Sets:
    from harness.data.images_on_disk import is_one_file
    from harness.scoring import open_sets, with_captions, with_draws

    requested = request.sets
    # Two single images can only be compared with each other.
    single = (
        bool(requested.reference) and is_one_file(place) and is_one_file(requested.reference or "")
    )
    sets = open_sets(
        place,
        requested.reference,
        requested.train,
        paired=requested.pairs or single,
        opening=opening,
    )
    if requested.captions:
        sets = with_captions(sets, requested.captions)
    return with_draws(sets, request.samples[1:], opening) if requested.draws else sets


def _names(request: ScoreOptions, places: Sequence[str]) -> Sequence[str]:
    """A name for each set of samples: from `--name`, or its place; one set needs none."""
    names, count = request.sets.name, len(places)
    if not names:
        return places if count > 1 else [""]
    if len(names) != count:
        raise BadInput(
            f"--name is given {counted(len(names), 'time')} and there "
            f"{'is' if count == 1 else 'are'} {counted(count, 'set')} of samples; "
            "give each a name of its own, in the same order"
        )
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"--name {repeated} is given twice; give each set a name of its own")
    return names


def check_combinations(request: ScoreOptions) -> None:
    """Raise BadInput for options that do not go together."""
    files, metrics = request.files, request.metrics
    if request.sets.draws:
        reason = "is for one set of samples, and does not go with --draws"
        options.refuse(request.sets, ("pairs", "captions"), reason)
        options.refuse(files, ("curve", "gallery", "save_statistics", "per_image"), reason)
    elif len(request.samples) > 1:
        reason = "is one file, of one set of samples; score them one by one"
        options.refuse(files, ("gallery", "save_statistics", "per_image"), reason)
    if files.curve:
        reason = "does not go with --curve, which has the harness's own KID"
        options.refuse(metrics, ("profile",), reason)
    if metrics.profile:
        reason = f"does not go with --profile: {metrics.profile} has settings of its own"
        options.refuse(metrics, VARIATIONS, reason)
