"""`harness reconcile`: which protocol explains a number that somebody claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from harness.cli import option_groups, options, suite_options
from harness.cli.score_options import parse_resize
from harness.cli.tables import console_beside, print_line, print_rows
from harness.core.errors import BadInput
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.reconcile.explanation import Explanation
    from harness.reconcile.search import Attempt, Search
    from harness.reconcile.task import ReconcileTask

SHOWN = 20
"""How many attempts that do not give the number the table has: the nearest ones."""


@dataclass(frozen=True)
class DefaultOptions:
    """What the default protocol is, from which the search starts."""

    HELP_PANEL: ClassVar = "The default protocol"

    extractor: options.ScoringExtractor = None
    perceptual: options.ScoringPerceptual = None
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE[:FILTER]",
            help="Resize both sides to SIZE×SIZE pixels. FILTER is bicubic, bilinear, box or "
            "lanczos. Default: the size of the samples, bicubic.",
        ),
    ] = None


@dataclass(frozen=True)
class SearchOptions:
    """What else is tried, and how near a number must be."""

    HELP_PANEL: ClassVar = "The search"

    network: Annotated[
        list[str] | None,
        typer.Option(help="A further feature network to try. Repeatable."),
    ] = None
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="How far a value may be from the claimed one. Default: half a unit of its last "
            "digit. The spread over random subsets is added.",
            min=0.0,
        ),
    ] = None
    pairs: Annotated[
        int,
        typer.Option(
            help="The most pairs of deviations to try, where no single one gives the number.", min=0
        ),
    ] = 200


@dataclass(frozen=True)
class ReconcileOptions:
    """All that `harness reconcile` is called with."""

    samples: Annotated[
        str,
        typer.Argument(
            metavar="SAMPLES",
            help="A folder or .zip of images, an .npz or .npy of uint8 N×H×W×C, or a dataset's "
            "split.",
        ),
    ]
    claimed: Annotated[
        str,
        typer.Option(
            metavar="METRIC=NUMBER",
            help="The number with all digits that were printed, e.g. fid=1.50 or lpips=0.0821.",
        ),
    ]
    reference: Annotated[
        list[str],
        typer.Option(
            help="What the number may be against: the same forms, or statistics (.npz of mu and "
            "sigma, .safetensors). Repeatable; the first is the default."
        ),
    ]
    protocol: DefaultOptions = DefaultOptions()
    search: SearchOptions = SearchOptions()
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write all attempts to this file; - is the standard output."),
    ] = None
    compute: suite_options.ComputeOptions = field(default_factory=suite_options.ComputeOptions)

    def task(self) -> ReconcileTask:
        """What is to be searched. Raises BadInput for options that cannot be read."""
        from harness.reconcile.claimed_number import parse_claim
        from harness.reconcile.search import SearchLimits
        from harness.reconcile.task import ReconcileTask
        from harness.training.numerics import Numerics, cores

        claim = parse_claim(self.claimed)
        return ReconcileTask(
            samples=self.samples,
            references=self.reference,
            claim=claim,
            numerics=Numerics.resolve(self.compute.device, threads=cores()),
            network=self._network(claim.metric),
            networks=tuple(options.words(self.search.network) or ()),
            resize=parse_resize(self.protocol.resize) if self.protocol.resize else None,
            root=self.compute.data_root,
            limits=SearchLimits(self.search.tolerance, self.search.pairs),
        )

    def check_files(self) -> None:
        """Raise BadInput where a file cannot be written, is an input, or has a wrong suffix."""
        from harness.data.output_files import check_suffix

        places = (self.samples, *self.reference)
        options.check_output_options([self.json_file], places, self.compute.data_root)
        if self.json_file:
            check_suffix(self.json_file, "--json", "JSON", ".json")

    def _network(self, metric: str) -> str | None:
        is_perceptual = metric == "lpips"
        if self.protocol.extractor and is_perceptual:
            raise BadInput("--extractor is not for lpips; name its network with --perceptual")
        if self.protocol.perceptual and not is_perceptual:
            raise BadInput(f"--perceptual is for lpips, not for {metric}")
        return self.protocol.perceptual if is_perceptual else self.protocol.extractor


@option_groups.with_option_groups
def reconcile(request: ReconcileOptions) -> None:
    """Find the protocol that explains a number which does not match yours.

    The default protocol is tried, then each single deviation from it (another split, fewer images,
    JPEG, another crop, filter, network or estimator), then pairs. The last line names the cause, or
    says that there is none. Exit code 0: a protocol explains the number; 1: none does; 2: something
    is wrong with the input.

    **Examples**

        harness reconcile samples/ --reference cifar10:test --claimed fid=5.29

        harness reconcile samples/ --reference real/ --reference stats.npz --claimed fid=12.3

        harness reconcile decoded/ --reference originals/ --claimed lpips=0.0821

        harness reconcile samples.npz --reference cifar10:test --claimed kid=0.00112 --json -
    """
    from harness.reconcile.document import search_document
    from harness.reconcile.explanation import conclusion, explain
    from harness.scoring.document import write_json

    request.check_files()
    task = request.task()
    console = console_beside(request.json_file)
    if console.is_terminal:
        with console.status("searching") as status:
            search = task.run(status.update)
    else:
        search = task.run()
    explanation = explain(search)
    _show(console, explanation)
    print_line(console, conclusion(explanation))
    if request.json_file:
        write_json(search_document(explanation), request.json_file)
    if not explanation.is_explained:
        raise typer.Exit(1)


def _show(console: Console, explanation: Explanation) -> None:
    """Print the default protocol, then a row for each attempt: those that give the number, and the
    nearest of the others.
    """
    from harness.reconcile.document import protocol_document

    search = explanation.search
    default = protocol_document(search.default.protocol)
    print_line(
        console, "default protocol: " + "; ".join(f"{name}: {x}" for name, x in default.items())
    )
    heads = ("protocol", "value", "change", "gap", "within tolerance")
    rows = [_row(search, attempt) for attempt in _shown(explanation)]
    print_rows(console, heads, rows)
    print_line(
        console,
        f"tried: {len(search.singles)} deviations that change the number, "
        f"{len(search.pairs)} of {search.pair_count} pairs; "
        f"{len(search.without_effect)} change nothing, {len(search.refused)} do not apply",
    )


def _shown(explanation: Explanation) -> Sequence[Attempt]:
    search = explanation.search
    hits = explanation.protocols
    others = [a for a in (*search.singles, *search.pairs) if a not in hits]
    others.sort(key=lambda attempt: attempt.gap)
    return list(dict.fromkeys([search.default, *hits, *others[:SHOWN]]))


def _row(search: Search, attempt: Attempt) -> tuple[str, str, str, str, str]:
    steps = search.steps(attempt)
    name = "; then ".join(
        f"{deviation} ({change:+.4g})" if len(steps) > 1 else str(deviation)
        for deviation, change in steps
    )
    value = f"{attempt.value.value:.6g}"
    if attempt.value.spread:
        value += f" ± {attempt.value.spread:.2g}"
    change = f"{search.change(attempt):+.4g}" if attempt.deviations else ""
    return name or "the default", value, change, f"{attempt.gap:.4g}", attempt.fit
