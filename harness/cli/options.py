"""The options that several verbs share, and how their values are read."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

import typer

from harness.config.seeds import parse_seeds
from harness.config.shipped import shipped_files
from harness.core.errors import BadInput
from harness.core.output_folder import OUTPUT, default_output, ensure_output
from harness.core.terminal import echo

if TYPE_CHECKING:
    from harness.config.suite import LoadedSuite
    from harness.plan import Plan
    from harness.tracking import Record, Store
    from harness.tracking.address import Address
    from harness.tracking.journal import Journal
    from harness.training.numerics import Numerics


def _complete_suite(incomplete: str) -> list[str]:
    return [name for name in shipped_files("suites") if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """The shipped models whose names begin so."""
    return [name for name in shipped_files("models") if name.startswith(incomplete)]


SuiteName = Annotated[
    str,
    typer.Argument(
        metavar="SUITE",
        help="A shipped suite (see `harness list`) or a path to a YAML file.",
        autocompletion=_complete_suite,
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None, typer.Option(help="Training seeds: 0,1,2 or 0-4.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Only these models of the suite.", autocompletion=complete_model),
]
Datasets = Annotated[list[str] | None, typer.Option(help="Only these datasets of the suite.")]
Metrics = Annotated[list[str] | None, typer.Option(help="Only these metrics of the suite.")]
Budget = Annotated[int | None, typer.Option(help="Training images shown to each model.", min=1)]
BudgetScale = Annotated[
    float | None,
    typer.Option(help="Scale training images and samples, e.g. 0.05 to try a GPU suite on a CPU."),
]
Extractor = Annotated[
    str | None,
    typer.Option(
        help="Feature network of FID and its kin. Default: the suite's, or the dataset's."
    ),
]
Perceptual = Annotated[
    str | None, typer.Option(help="Network of LPIPS. Default: the suite's, or the dataset's.")
]
Accelerate = Annotated[
    Literal["auto", "off", "graph", "compile"] | None,
    typer.Option(
        help="graph: replay steps as CUDA graphs. compile: compile losses too. auto: graph on "
        "CUDA, else off.",
    ),
]
Precision = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option(help="Precision of training, for all recipes."),
]
MemoryFormat = Annotated[
    Literal["contiguous", "channels_last"] | None,
    typer.Option(help="Memory layout of images in training, for all recipes."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Where datasets are, or are downloaded to.", envvar="HARNESS_DATA"),
]


def _output(context: typer.Context, parameter: typer.CallbackParam, folder: Path) -> Path:
    """The folder that was named, or else the default one; a line says where it is another one."""
    source = context.get_parameter_source(parameter.name or "")
    if source is None or source.name != "DEFAULT" or context.resilient_parsing:
        return folder
    if (default := default_output()) != folder:
        echo(
            f"Results are in {default}/, where an earlier version kept them; "
            f"--output {folder} begins a folder that git ignores.",
            err=True,
        )
    return default


Output = Annotated[
    Path,
    typer.Option(
        help="Folder of reports, checkpoints and the default tracking store.", callback=_output
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Tracking = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking store. Default: SQLite in the output folder.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Cells at a time. Default: one for each CPU core, or as many as fit on each GPU.",
        min=1,
    ),
]
Processes = Annotated[
    int,
    typer.Option(help="Processes that train one model together, each on a GPU of its own.", min=1),
]
EngineName = Annotated[
    Literal["local", "ray"], typer.Option(help="Where cells run: this machine, or a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="The Ray cluster, e.g. head:6379. Default: the cluster of this node.",
        envvar="RAY_ADDRESS",
        show_envvar=True,
    ),
]

CheckpointSeconds = Annotated[
    float, typer.Option(help="Seconds between checkpoints of a cell in training.", min=0.0)
]


def words(values: list[str] | None) -> list[str] | None:
    """Repeated and comma-separated values as one list; commas within brackets do not separate."""
    if not values:
        return None
    return [word.strip() for value in values for word in re.split(r",(?![^\[]*\])", value)]


def seed_list(text: str | None) -> list[int] | None:
    """`0,1,2` and `0-4` as a list."""
    if text is None:
        return None
    try:
        return parse_seeds(text)
    except ValueError as error:
        raise BadInput(f"--seeds {text!r}: {error}") from None


@dataclass(frozen=True)
class StoreOptions:
    """The folder of results and the tracking store that a verb reads or writes."""

    HELP_PANEL: ClassVar = "Place of results"

    output: Output = OUTPUT
    tracking_uri: Tracking = None

    def address(self) -> Address:
        """The address of the tracking store."""
        from harness.tracking import default_uri
        from harness.tracking.address import read_address

        return read_address(self.tracking_uri or default_uri(self.output), self.output)

    def file(self) -> Path | None:
        """The file of the tracking store; None where the store is a server."""
        return self.address().database

    def check(self) -> None:
        """Raise BadInput where no store can be, and TryLater where none answers now."""
        from harness.tracking.reachability import check_reachable

        check_reachable(self.address())

    def open(self) -> Store:
        """The tracking store, after it has taken what earlier commands could not log."""
        from harness.tracking import Store, default_uri

        ensure_output(self.output)
        store = Store(self.tracking_uri or default_uri(self.output), self.output)
        store.connect()
        return store

    def open_existing(self) -> Store:
        """The tracking store, to be read. Raises BadInput where its file does not exist, which
        `open` would make.
        """
        from harness.tracking.address import shown, sqlite_uri

        database = self.file()
        if database and _is_absent(database):
            raise BadInput(
                f"there is no tracking store {shown(sqlite_uri(database))}; run a suite first, or "
                "name another with --tracking-uri or --output"
            )
        return self.open()

    def journal(self) -> Journal:
        """What waits to be logged to the tracking store, which is not opened."""
        from harness.tracking.store import journal_of

        return journal_of(self.address(), self.output)


@dataclass(frozen=True)
class ComputeOptions:
    """The device that computes, and the folder of datasets."""

    HELP_PANEL: ClassVar = "Device and data"

    device: Device = "auto"
    data_root: DataRoot = None


@dataclass(frozen=True)
class SuiteOptions:
    """The suite that a verb is about, and what the command line changes in it. All such verbs
    share these options, so that each finds what another has run.
    """

    HELP_PANEL: ClassVar = "Changes to the suite"

    suite: SuiteName
    seeds: Seeds = None
    models: Models = None
    datasets: Datasets = None
    metrics: Metrics = None
    budget: Budget = None
    budget_scale: BudgetScale = None
    extractor: Extractor = None
    perceptual: Perceptual = None
    accelerate: Accelerate = None
    precision: Precision = None
    memory_format: MemoryFormat = None
    processes: Processes = 1
    compute: ComputeOptions = ComputeOptions()
    results: StoreOptions = StoreOptions()

    def load(self) -> LoadedSuite:
        """The suite with its changes."""
        from harness.config.suite import Overrides, load_suite

        changed = Overrides(
            seeds=seed_list(self.seeds),
            models=words(self.models),
            datasets=words(self.datasets),
            budget=self.budget,
            budget_scale=self.budget_scale,
            extractor=self.extractor,
            perceptual=self.perceptual,
            accelerate=self.accelerate,
            precision=self.precision,
            memory_format=self.memory_format,
            metrics=words(self.metrics),
        )
        return load_suite(self.suite, changed)

    def numerics(self, loaded: LoadedSuite) -> Numerics:
        """How its models are computed."""
        from harness.training.numerics import Numerics

        return Numerics.resolve(
            self.compute.device, accelerate=loaded.suite.accelerate, processes=self.processes
        )

    def plan(self, loaded: LoadedSuite | None = None) -> Plan:
        """Its plan; `loaded` is the suite where it is at hand."""
        from harness.plan import make_plan

        loaded = loaded or self.load()
        return make_plan(loaded, self.numerics(loaded), self.compute.data_root)

    def measured(self, loaded: LoadedSuite | None = None) -> tuple[Plan, Store, dict[str, Record]]:
        """The plan of the suite, its store, and what that has of the plan's cells. BadInput where
        it has nothing, in which case nothing is written: neither a store nor a report.
        """
        loaded = loaded or self.load()
        cure = "`harness run` runs it"
        if _is_absent(self.results.file()):
            raise BadInput(f"{self.suite}: not run yet; {cure}")
        plan, store = self.plan(loaded), self.results.open()
        records = plan.records(store)
        if not records:
            raise BadInput(f"{self.suite}: not run yet{_what_there_is(plan, store)}; {cure}")
        if all(result.status == "missing" for result in plan.results(records)):
            raise BadInput(f"{self.suite}: nothing has finished yet; `harness run` goes on with it")
        return plan, store, records

    def resolved(self) -> SuiteOptions:
        """The same with paths that mean the same to other machines."""
        root = self.compute.data_root and self.compute.data_root.resolve()
        return replace(
            self,
            compute=replace(self.compute, data_root=root),
            results=replace(self.results, output=self.results.output.resolve()),
        )

    def check_outputs(
        self, loaded: LoadedSuite, *files: Path | None, beside: Path | None = None
    ) -> None:
        """Raise BadInput where one of `files` cannot be written, or is what the suite is made from:
        its own files, recipes, claims, datasets, samples, the tracking store, or `beside`.
        """
        suite, written = loaded.suite, {place.file for place in loaded.document.places.values()}
        recipes = [loaded.folder / model for model in suite.models if model.endswith(".yaml")]
        names = [entry.name for entry in suite.datasets]
        for outside in suite.external:
            names += [str(loaded.folder / file) for draws in outside.draws() for file in draws]
        read = [loaded.document.path, *written, *recipes, *names, beside]
        check_output_options(files, read, self.compute.data_root, self.results.file())


def _what_there_is(plan: Plan, store: Store) -> str:
    """What the store has of the suite under other settings; empty where it has nothing."""
    from harness.tracking.collection import suite_runs

    others = {
        f"with {int(run.images):,} training images on {run.environment.get('device', 'a machine')}"
        for run in suite_runs(store).values()
        if run.suite == plan.loaded.name and run.images.isdecimal()
    }
    return f" so (there are runs of it {' and '.join(sorted(others))})" if others else ""


def with_option_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """A command for typer, made of a verb with parameters that are groups: dataclasses of options.

    The command has each option of a group as an option of its own. Arguments come first, then the
    verb's own options, then the options of its groups.
    """

    @functools.wraps(verb)
    def command(**values: Any) -> None:
        verb(**_grouped(verb, values))

    parameters = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in _flat(verb)]
    parameters.sort(key=lambda option: not _is_argument(option))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def with_optional_suite(verb: Callable[..., None]) -> Callable[..., None]:
    """As `with_option_groups`, for a verb that can do without a suite, whose name is then empty."""
    command = with_option_groups(verb)
    parameters = inspect.signature(command).parameters.values()
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [option.replace(default="") if option.name == "suite" else option for option in parameters]
    )
    return command


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function or of a dataclass, groups last."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return sorted(parameters, key=lambda parameter: _group(parameter) is not None)


def _group(parameter: inspect.Parameter) -> type[Any] | None:
    """The dataclass of options that a parameter takes; None where it is an option itself."""
    kind = parameter.annotation
    return kind if isinstance(kind, type) and is_dataclass(kind) else None


def _flat(function: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """The parameters of a function, each group replaced by its options."""
    for parameter in _parameters(function):
        if group := _group(parameter):
            panel = getattr(group, "HELP_PANEL", None)
            yield from (_in_panel(option, panel) for option in _flat(group))
        else:
            yield parameter


def _in_panel(parameter: inspect.Parameter, panel: str | None) -> inspect.Parameter:
    """The option below the heading `panel` of the help, if it has no other heading."""
    kind, info = get_args(parameter.annotation)
    if isinstance(info, typer.models.ArgumentInfo) or info.rich_help_panel:
        return parameter
    info = copy(info)
    info.rich_help_panel = panel
    return parameter.replace(annotation=Annotated[kind, info])


def _grouped(function: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a function, its groups made of the options among `values`."""
    arguments = {}
    for parameter in _parameters(function):
        group = _group(parameter)
        arguments[parameter.name] = (
            group(**_grouped(group, values)) if group else values[parameter.name]
        )
    return arguments


def _is_argument(parameter: inspect.Parameter) -> bool:
    metadata = getattr(parameter.annotation, "__metadata__", ())
    return any(isinstance(info, typer.models.ArgumentInfo) for info in metadata)


def refuse(group: object, names: Iterable[str], reason: str) -> None:
    """Raise BadInput, with the reason, for the first of the options `names` of a group that is set
    on the command line.
    """
    for name in names:
        if getattr(group, name):
            raise BadInput(f"--{name.replace('_', '-')} {reason}")


def check_output_options(
    files: Iterable[Path | None],
    places: Iterable[str | Path | None] = (),
    data_root: Path | None = None,
    store: Path | None = None,
) -> None:
    """Raise BadInput where one of `files`, which a verb is to write, cannot be written, or is what
    the verb reads: one of `places`, a dataset's file, or the file of the tracking `store`.
    """
    if any(files := tuple(files)):
        from harness.data import output_files
        from harness.data.inputs import input_paths

        inputs = input_paths(places, data_root)
        output_files.check_outputs(files, [*inputs, store] if store else inputs)


def _is_absent(database: Path | None) -> bool:
    """Whether a store's file is not there. Raises OSError where nothing could be there."""
    try:
        if database:
            database.stat()
    except FileNotFoundError:
        return True
    return False
