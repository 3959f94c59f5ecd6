"""The options that several verbs share, and how their values are read."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
        help="A shipped suite (see `harness list`) or a path to a YAML file.",
        autocompletion=_complete_suite,
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None, typer.Option(help="Seeds instead of the suite's: 0,1,2 or 0-4.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Only these of its models.", autocompletion=complete_model),
]
Datasets = Annotated[list[str] | None, typer.Option(help="Only these of its datasets.")]
Metrics = Annotated[list[str] | None, typer.Option(help="Only these of its metrics.")]
Budget = Annotated[
    int | None, typer.Option(help="Training images shown, instead of the suite's.", min=1)
]
BudgetScale = Annotated[
    float | None,
    typer.Option(help="Scale training images and samples, e.g. 0.05 to try a GPU suite on a CPU."),
]
Extractor = Annotated[
    str | None,
    typer.Option(help="Feature network of FID and its kin instead of the dataset's default."),
]
Perceptual = Annotated[
    str | None, typer.Option(help="Network of LPIPS instead of the dataset's default.")
]
Accelerate = Annotated[
    Literal["auto", "off", "graph", "compile"] | None,
    typer.Option(
        help="CUDA graphs on a GPU (graph), losses compiled first (compile), or neither (off); "
        "auto is graph on CUDA, off elsewhere. Instead of the suite's.",
    ),
]
Precision = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option(help="Precision of training, instead of the suite's and the recipes'."),
]
MemoryFormat = Annotated[
    Literal["contiguous", "channels_last"] | None,
    typer.Option(help="Layout of images in training, instead of the suite's and the recipes'."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
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
        help="MLflow tracking store; SQLite in the output folder if not said.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Cells at a time; as many as cores on a CPU, as many as are known to fit on each GPU.",
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
Address = Annotated[
    str | None,
    typer.Option(
        help="The Ray cluster, e.g. head:6379; the one of this node if not said.",
        envvar="RAY_ADDRESS",
        show_envvar=True,
    ),
]

CheckpointSeconds = Annotated[
    float, typer.Option(help="How often a cell in training is saved.", min=0.0)
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
class SuiteOptions:
    """The suite that a verb is about, and what the command line changes of it: the options that
    all such verbs share, so that each finds what another has run. See `suite_command`.
    """

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
    device: Device = "auto"
    processes: Processes = 1
    data_root: DataRoot = None
    output: Output = OUTPUT
    tracking_uri: Tracking = None

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
            self.device, accelerate=loaded.suite.accelerate, processes=self.processes
        )

    def plan(self, loaded: LoadedSuite | None = None) -> Plan:
        """Its plan; `loaded` is the suite where it is at hand."""
        from harness.plan import make_plan

        loaded = loaded or self.load()
        return make_plan(loaded, self.numerics(loaded), self.data_root)

    def measured(self, loaded: LoadedSuite | None = None) -> tuple[Plan, Store, dict[str, Record]]:
        """The plan of the suite, its store, and what that has of the plan's cells. BadInput where
        it has nothing, in which case nothing is written: neither a store nor a report.
        """
        loaded = loaded or self.load()
        cure = "`harness run` runs it"
        if _is_absent(store_file(self.tracking_uri, self.output)):
            raise BadInput(f"{self.suite}: not run yet; {cure}")
        plan, store = self.plan(loaded), self.store()
        records = plan.records(store)
        if not records:
            raise BadInput(f"{self.suite}: not run yet{_what_there_is(plan, store)}; {cure}")
        if all(result.status == "missing" for result in plan.results(records)):
            raise BadInput(f"{self.suite}: nothing has finished yet; `harness run` goes on with it")
        return plan, store, records

    def resolved(self) -> SuiteOptions:
        """The same with paths that mean the same to other machines."""
        root = self.data_root and self.data_root.resolve()
        return replace(self, output=self.output.resolve(), data_root=root)

    def store(self) -> Store:
        """Where its results are."""
        return open_store(self.tracking_uri, self.output)

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
        check_output_options(
            files, read, self.data_root, store_file(self.tracking_uri, self.output)
        )


def _what_there_is(plan: Plan, store: Store) -> str:
    """What the store has of the suite under other settings; empty where it has nothing."""
    from harness.tracking.collection import suite_runs

    others = {
        f"with {int(run.images):,} training images on {run.environment.get('device', 'a machine')}"
        for run in suite_runs(store).values()
        if run.suite == plan.loaded.name and run.images.isdecimal()
    }
    return f" so (there are runs of it {' and '.join(sorted(others))})" if others else ""


def suite_command(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb whose first parameter is a `SuiteOptions` as a command with all of its options.
    They come after the verb's own, but for the suite.
    """
    return _with_options(verb, {})


def optional_suite_command(verb: Callable[..., None]) -> Callable[..., None]:
    """As `suite_command`, for a verb that can do without a suite, whose name is empty then."""
    return _with_options(verb, {"default": ""})


def _with_options(verb: Callable[..., None], suite_changes: dict[str, str]) -> Callable[..., None]:
    @functools.wraps(verb)
    def command(**arguments: Any) -> None:
        shared = {field.name: arguments.pop(field.name) for field in fields(SuiteOptions)}
        verb(SuiteOptions(**shared), **arguments)

    _, *verbs_own = inspect.signature(verb, eval_str=True).parameters.values()
    suite, *shared = inspect.signature(SuiteOptions, eval_str=True).parameters.values()
    suite = suite.replace(**suite_changes)  # type: ignore[arg-type]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for option in (suite, *verbs_own, *shared)
        ]
    )
    return command


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


def store_file(tracking: str | None, output: Path) -> Path | None:
    """The file of the tracking store; None where that is a server."""
    from harness.tracking import default_uri
    from harness.tracking.address import read_address

    return read_address(tracking or default_uri(output), output).database


def check_store(tracking: str | None, output: Path) -> None:
    """Raises BadInput or TryLater at once where no store can be, or none answers for now."""
    from harness.tracking import default_uri
    from harness.tracking.address import read_address
    from harness.tracking.reachability import check_reachable

    check_reachable(read_address(tracking or default_uri(output), output))


def existing_store(tracking: str | None, output: Path) -> Store:
    """The tracking store that is to be read, as `open_store`. BadInput where it is a file that is
    not there, which opening it would make.
    """
    from harness.tracking.address import shown, sqlite_uri

    database = store_file(tracking, output)
    if database and _is_absent(database):
        raise BadInput(
            f"there is no tracking store {shown(sqlite_uri(database))}; run a suite first, or name "
            "another with --tracking-uri or --output"
        )
    return open_store(tracking, output)


def journal(tracking: str | None, output: Path) -> Journal:
    """What waits to be logged to a tracking store, which is not opened."""
    from harness.tracking import default_uri
    from harness.tracking.address import read_address
    from harness.tracking.store import journal_of

    return journal_of(read_address(tracking or default_uri(output), output), output)


def _is_absent(database: Path | None) -> bool:
    """Whether a store's file is not there. Raises OSError where nothing could be there."""
    try:
        if database:
            database.stat()
    except FileNotFoundError:
        return True
    return False


def open_store(tracking: str | None, output: Path) -> Store:
    """The tracking store that was asked for, or the default one. It is given what an earlier
    command could not log.
    """
    from harness.tracking import Store, default_uri

    ensure_output(output)
    store = Store(tracking or default_uri(output), output)
    store.connect()
    return store
