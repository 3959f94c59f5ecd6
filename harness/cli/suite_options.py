"""The groups of options that verbs share: the store, the device, and the suite with its changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness.cli import options
from harness.cli.options import check_output_options, seed_list, words
from harness.core.errors import BadInput
from harness.core.output_folder import OUTPUT, ensure_output

if TYPE_CHECKING:
    from harness.config.suite import LoadedSuite, Overrides
    from harness.plan import Plan
    from harness.tracking import Record, Store
    from harness.tracking.address import Address
    from harness.tracking.journal import Journal
    from harness.training.numerics import Numerics


@dataclass(frozen=True)
class StoreOptions:
    """The folder of results and the tracking store that a verb reads or writes."""

    HELP_PANEL: ClassVar = "Place of results"

    output: options.Output = OUTPUT
    tracking_uri: options.Tracking = None

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

    device: options.Device = "auto"
    data_root: options.DataRoot = None


@dataclass(frozen=True)
class SuiteOptions:
    """The suite that a verb is about, and what the command line changes in it. All such verbs
    share these options, so that each finds what another has run.
    """

    HELP_PANEL: ClassVar = "Changes to the suite"

    suite: options.SuiteName
    seeds: options.Seeds = None
    models: options.Models = None
    datasets: options.Datasets = None
    metrics: options.Metrics = None
    budget: options.Budget = None
    budget_scale: options.BudgetScale = None
    extractor: options.Extractor = None
    perceptual: options.Perceptual = None
    accelerate: options.Accelerate = None
    precision: options.Precision = None
    memory_format: options.MemoryFormat = None
    processes: options.Processes = 1
    compute: ComputeOptions = ComputeOptions()
    results: StoreOptions = StoreOptions()

    def load(self) -> LoadedSuite:
        """The suite with its changes."""
        from harness.config.suite import load_suite

        return load_suite(self.suite, self.overrides())

    def overrides(self) -> Overrides:
        """The changes to the suite."""
        from harness.config.suite import Overrides

        return Overrides(
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
        """The plan of the suite, its store, and the store's results of the plan's cells. Raises
        BadInput where there are none; then neither a store nor a report is written.
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
        recipes = [
            loaded.folder / model
            for model in suite.all_models()
            if model.endswith((".yaml", ".yml"))
        ]
        names = [entry.name for entry in suite.datasets]
        for outside in suite.external:
            names += [str(loaded.folder / file) for draws in outside.draws() for file in draws]
        read = [loaded.document.path, *written, *recipes, *names, beside]
        check_output_options(files, read, self.compute.data_root, self.results.file())


def _what_there_is(plan: Plan, store: Store) -> str:
    """Says with which other settings the store has runs of the suite; empty where it has none."""
    from harness.tracking.collection import suite_runs

    others = {
        f"with {int(run.images):,} training images on {run.environment.get('device', 'a machine')}"
        for run in suite_runs(store).values()
        if run.suite == plan.loaded.name and run.images.isdecimal()
    }
    return f" so (there are runs of it {' and '.join(sorted(others))})" if others else ""


def _is_absent(database: Path | None) -> bool:
    """Whether a store's file is not there. Raises OSError where nothing could be there."""
    try:
        if database:
            database.stat()
    except FileNotFoundError:
        return True
    return False
