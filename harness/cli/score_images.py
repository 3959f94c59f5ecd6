"""`harness score` of images: one set of samples or several, each against the same reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import options, score_output
from harness.cli.tables import console_beside
from harness.core.counting import counted
from harness.core.errors import BadInput

if TYPE_CHECKING:
    from harness.core.measurement import Measurement
    from harness.core.terminal import Console
    from harness.data.image_files import ImageResize
    from harness.evaluation.profiles import Profile
    from harness.evaluation.specs import Role
    from harness.score import Scoring, Sets
    from harness.score.extras import Extras
    from harness.score.variations import Variations
    from harness.training.numerics import Numerics


@dataclass(frozen=True)
class ImageJob:
    """What is asked of sets of images, as options say it."""

    samples: Sequence[str]
    names: Sequence[str]
    reference: str | None
    train: str | None
    pairs: bool
    draws: bool
    captions: Path | None
    metrics: list[str] | None
    networks: Mapping[Role, str | None]
    definitions: Profile | Variations | None
    resize: ImageResize | None
    extras: Extras
    numerics: Numerics
    data_root: Path | None
    json_file: Path | None
    store: tuple[str | None, Path] | None

    def run(self) -> None:
        """Check all sets, then measure and show one after the other."""
        from harness.score import make_scoring
        from harness.score.selection import select

        sets = list(self.opened())
        for each in sets:  # before the first is measured
            self.extras.check(each)
            select(each, self.chosen, self.networks, self.definitions)
        extras = self.extras
        console = console_beside(self.json_file, extras.gallery, extras.statistics)
        documents, rows = [], []
        for each in sets:
            scoring = make_scoring(
                each, self.chosen, self.networks, self.numerics, self.definitions
            )
            measured, document = self.measured(console, scoring, several=len(sets) > 1)
            documents.append(document)
            rows += measured
        if self.json_file:
            from harness.score.document import write

            write(documents[0] if len(documents) == 1 else {"scored": documents}, self.json_file)
        score_output.finish(console, rows)

    @property
    def chosen(self) -> list[str] | None:
        """The metrics named; of a shard none: its numbers alone say nothing."""
        if self.extras.statistics and not self.reference and self.metrics is None:
            return []
        return self.metrics

    def opened(self) -> Iterator[Sets]:
        """Each set of samples with what it is compared with; all draws of a model are one."""
        from harness.data.images_on_disk import OpenOptions, is_one_file
        from harness.score import open_sets, with_captions, with_draws

        how = OpenOptions(self.data_root, self.resize)
        for place, name in zip(self.places(), self.labels(), strict=True):
            # Of two single images nothing can be said but how they differ.
            paired = self.pairs or (
                is_one_file(place) and self.reference is not None and is_one_file(self.reference)
            )
            sets = open_sets(place, self.reference, self.train, paired=paired, how=how)
            if self.captions:
                sets = with_captions(sets, self.captions)
            if self.draws:
                sets = with_draws(sets, self.samples[1:], how)
            yield replace(sets, name=name)

    def places(self) -> Sequence[str]:
        """A place for each set of samples."""
        return self.samples[:1] if self.draws else self.samples

    def labels(self) -> Sequence[str]:
        """What each set of samples is called; without names, as it was given."""
        places = self.places()
        if not self.names:
            return places if len(places) > 1 else [""]
        if len(self.names) != len(places):
            raise BadInput(
                f"--name is given {counted(len(self.names), 'time')} and there "
                f"{'is' if len(places) == 1 else 'are'} {counted(len(places), 'set')} of samples; "
                "give each a name of its own, in the same order"
            )
        if twice := next((name for name in self.names if self.names.count(name) > 1), None):
            raise BadInput(f"--name {twice} is given twice; give each set a name of its own")
        return self.names

    def measured(
        self, console: Console, scoring: Scoring, several: bool
    ) -> tuple[list[Measurement], dict[str, Any]]:
        """The rows of one set and all that is known of them, shown; extras written."""
        from harness.score.document import document
        from harness.score.document import log as log_rows
        from harness.score.scoring import with_extractor

        if self.extras.wanted:
            scoring = with_extractor(scoring)
        sets, evidence = scoring.sets, scoring.evidence()
        rows = score_output.measure(console, scoring, evidence)
        if sets.name:
            score_output.print_line(console, f"{sets.name}:")
        score_output.show_sets(console, sets)
        score_output.show_rows(console, rows, sets.name if several else "")
        curve = self.extras.make(scoring, evidence)
        score_output.show_extras(console, self.extras, curve, sets)
        if self.store:
            store = options.open_store(*self.store)
            run = log_rows(scoring, rows, store)
            score_output.print_line(console, f"Run: {run} in {store.uri}")
        return rows, document(scoring, rows, curve)


def refuse(options_given: Mapping[str, object], why: str) -> None:
    """Raise BadInput for the first option that is given."""
    for name, value in options_given.items():
        if value:
            raise BadInput(f"{name} {why}")
