"""How many small changes to the harness its tests notice.

    python benchmarks/mutation.py FOLDER [--per-package 52] [--seed 19] [--again] [--page FILE]

A fixed sample of mutants (`mutants.py`) is drawn from each package of `PACKAGES`, and each mutant
is tried with the tests that run its line (`covering_tests.py`), quickest first, up to the first
that fails. FOLDER keeps a copy of the checkout, the coverage, the sample and the outcomes: the same
command goes on where it ended. Tests are copied at each start, and those whose file changed are
measured again; `harness/` stays as it was when the folder was made. `--again` tries once more what
survived. `--page` writes the tables between the marks of a page.

Needs what `pip install -e '.[dev]'` installs. One process forks from an interpreter in which
libraries and tests are loaded; some 300 mutants take about half an hour of one core. POSIX only.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import gc
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FunctionType

import pytest
from covering_tests import CoverageMap, CoverageRecorder, TestSelector
from mutants import RULES, Change, Mutant, change, read, sample

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["metrics", "objectives", "samplers", "statistics", "training", "data"]
BESIDE = {
    "samplers": ["diffusion", "flow_matching", "guided_and_restoring", "learned_variance"],
    "objectives": ["distillation"],
}
"""Of tests/families the files that hold parts of these packages too."""
UNUSED = {"tests/training/test_compute.py"}
"""Tests that train each recipe to see that it repeats, and hold no value."""
COPIED = ["harness", "models", "suites", "tests", "benchmarks", "docs", "pyproject.toml"]
LIBRARIES = """torch torchvision scipy.stats sklearn.metrics skimage.metrics pandas statsmodels.api
    matplotlib.pyplot mlflow pydantic typer rich jinja2 hypothesis torchmetrics lpips torch_fidelity
    """.split()
"""What is loaded once, before processes fork."""
MEMORY = 8 * 2**30
"""Bytes of data a mutant may allocate."""
PATIENCE = 40.0, 4.0
"""A mutant has timed out after this many seconds plus this many times what its tests take."""
CAUGHT = ("caught", "timeout")
UNTOUCHED = {True: "survived", False: "uncovered"}


@dataclass(frozen=True)
class Outcome:
    """What came of a mutant: caught, timeout, survived, or uncovered (no test runs its line)."""

    key: str
    outcome: str
    killer: str = ""
    tests: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Workspace:
    """The folder of a run."""

    folder: Path

    @property
    def copy(self) -> Path:
        return self.folder / "copy"

    def prepare(self) -> None:
        """Copies the checkout; where there is a copy, its tests. The harness is always put back as
        it was first copied: a run that was killed may have left a mutant.
        """
        original = self.folder / "original"
        if not original.exists():
            for name in COPIED:
                _copy(ROOT / name, original / name)
        for name in COPIED:
            _copy((ROOT if name == "tests" else original) / name, self.copy / name)
        compileall.compile_dir(self.copy / "harness", quiet=2)

    def sample(self, per_package: int, seed: int) -> list[Mutant]:
        path = self.folder / f"sample-{seed}-{per_package}.json"
        if not path.exists():
            drawn = sample(read(self.copy, PACKAGES), per_package, seed)
            path.write_text(json.dumps([asdict(mutant) for mutant in drawn]), encoding="utf-8")
        return [Mutant(**row) for row in json.loads(path.read_text(encoding="utf-8"))]

    def outcomes(self) -> dict[str, list[Outcome]]:
        """All outcomes of each mutant, by its key, oldest first."""
        path, outcomes = self.folder / "outcomes.jsonl", defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            outcome = Outcome(**json.loads(line))
            outcomes[outcome.key].append(outcome)
        return outcomes

    def add(self, outcome: Outcome) -> None:
        with (self.folder / "outcomes.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        text = f"{outcome.outcome:9} {outcome.seconds:6.1f} s  {outcome.key}  {outcome.killer}"
        print(text, flush=True)


def _copy(source: Path, target: Path) -> None:
    """Copies a file, or a folder in place of what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


# ------------------------------------------------------------------ processes


def in_fork(work: Callable[[], int], seconds: float | None = None) -> int | None:
    """The exit status of `work` in a process of its own; None where it took too long."""
    scratch = tempfile.mkdtemp(prefix="mutation")
    child = os.fork()
    if child == 0:
        status = 70
        with contextlib.suppress(BaseException):
            try:
                os.setsid()
                os.environ["TMPDIR"], tempfile.tempdir = scratch, None
                status = work()
            except BaseException:
                traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
    try:
        return _wait(child, seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        shutil.rmtree(scratch, ignore_errors=True)


def _wait(child: int, seconds: float | None) -> int | None:
    end = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


def pytest_session(copy: Path, tests: Sequence[str], work: Callable[[pytest.Session], None]) -> int:
    """Collects tests, and does `work` in place of running them. Returns pytest's exit status."""

    class Loop:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            if session.testsfailed:
                raise session.Interrupted("errors while tests were collected")
            work(session)
            return True

    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)
    sys.path.insert(0, str(copy))
    options = ["-s", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-seed=0"]
    return int(pytest.main([*options, *tests], plugins=[Loop()]))


class FirstFailure:
    """A plugin of pytest that notes the first test that fails, and ends the process with 1."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.note.write_text(report.nodeid, encoding="utf-8")
            os._exit(1)


def run_items(items: Sequence[pytest.Item]) -> None:
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def by_file(tests: Iterable[str]) -> list[str]:
    """The tests, file after file, so that fixtures of a module are made once."""
    files: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        files[test.split("::")[0]].append(test)
    return [test for group in files.values() for test in group]


def quiet(log: Path) -> None:
    """Sends this process's output to a file."""
    sys.stdout.flush()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    os.dup2(target, 2)


# ------------------------------------------------------------------ coverage


def measure(space: Workspace, packages: Sequence[str]) -> CoverageMap:
    """What tests run, measured for the files of tests that changed since it was measured."""
    stored, digests = space.folder / "coverage.json", space.folder / "measured.json"
    covered = CoverageMap.read(stored) if stored.exists() else CoverageMap()
    old = json.loads(digests.read_text(encoding="utf-8")) if digests.exists() else {}
    now = _digests(space.copy, packages)
    files = sorted(file for file, digest in now.items() if old.get(file) != digest)
    if files:
        print(f"measuring {len(files)} files of tests", flush=True)
        part = space.folder / "part.json"
        status = in_fork(lambda: _measure(space, files, part))
        if status:
            sys.exit(f"measuring ended with {status}; see {space.folder / 'measuring.log'}")
        covered.add(CoverageMap.read(part))
        covered.write(stored)
        digests.write_text(json.dumps(old | now), encoding="utf-8")
    return covered


def _digests(copy: Path, packages: Sequence[str]) -> dict[str, str]:
    files = [f for name in packages for f in sorted((copy / "tests" / name).rglob("test_*.py"))]
    beside = [f"test_{stem}.py" for name in packages for stem in BESIDE.get(name, [])]
    files += [copy / "tests" / "families" / name for name in beside]
    names = {file.relative_to(copy).as_posix(): file for file in files}
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name, file in names.items()
        if name not in UNUSED
    }


def _measure(space: Workspace, files: Sequence[str], part: Path) -> int:
    def work(session: pytest.Session) -> None:
        recorder = CoverageRecorder(space.copy, PACKAGES)
        session.config.pluginmanager.register(recorder)
        recorder.start()
        run_items(session.items)
        recorder.finish().write(part)

    quiet(space.folder / "measuring.log")
    return pytest_session(space.copy, files, work)


# ------------------------------------------------------------------ mutants


@dataclass(frozen=True)
class Trial:
    """A mutant, what it changes, the tests to try on it, and what it is if all of them pass."""

    mutant: Mutant
    change: Change
    source: str
    tests: list[str]
    seconds: float
    untouched: str = "survived"

    def run(self, space: Workspace, work: Callable[[], int]) -> Outcome:
        """Tries the mutant: `work` runs tests in a process of its own and returns 0 if all pass."""
        note, start = space.folder / "killer", time.monotonic()
        note.unlink(missing_ok=True)
        with self._written(space.copy / self.mutant.path):
            status = in_fork(work, PATIENCE[0] + PATIENCE[1] * self.seconds)
        outcome = {None: "timeout", 0: self.untouched}.get(status, "caught")
        killer = note.read_text(encoding="utf-8") if note.exists() else ""
        seconds = round(time.monotonic() - start, 1)
        if outcome == "caught" and not killer:
            killer = f"exit status {status}"
        return Outcome(self.mutant.key, outcome, killer, len(self.tests), seconds)

    @contextlib.contextmanager
    def _written(self, path: Path) -> Iterator[None]:
        """The change in the file too, where subprocesses of tests read it."""
        times = path.stat()
        path.write_text(self.mutant.source(self.source) or "", encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(self.source, encoding="utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def try_in_session(space: Workspace, trials: Sequence[Trial]) -> int:
    """Tries mutants of functions: all tests are collected once, and each mutant's process changes
    the code of the functions that it has inherited.
    """

    def work(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        functions = _functions(space.copy)
        gc.freeze()
        for trial in trials:
            chosen = [items[test] for test in by_file(trial.tests)]
            loaded = functions[trial.mutant.path]
            run = lambda: _try_patched(space, trial, loaded, chosen)  # noqa: B023, E731
            space.add(trial.run(space, run))

    files = sorted({test.split("::")[0] for trial in trials for test in trial.tests})
    return pytest_session(space.copy, files, work)


def _functions(copy: Path) -> dict[str, list[FunctionType]]:
    """The loaded functions by the path of their file."""
    functions: dict[str, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if type(thing) is FunctionType:
            with contextlib.suppress(ValueError):
                path = Path(thing.__code__.co_filename).relative_to(copy)
                functions[path.as_posix()].append(thing)
    return functions


def _try_patched(
    space: Workspace, trial: Trial, loaded: Sequence[FunctionType], items: Sequence[pytest.Item]
) -> int:
    quiet(space.folder / "mutant.log")
    limit_memory()
    places = set()
    for function in loaded:
        place = function.__code__.co_qualname, function.__code__.co_firstlineno
        if place in trial.change.functions:
            function.__code__ = trial.change.functions[place]
            places.add(place)
    if places != set(trial.change.functions):
        return _run_imported(space, trial)
    return _run_noting(space, items)


def _run_noting(space: Workspace, items: Sequence[pytest.Item]) -> int:
    items[0].config.pluginmanager.register(FirstFailure(space.folder / "killer"))
    run_items(items)
    return 0


def try_imported(space: Workspace, trial: Trial) -> None:
    """Tries a mutant that changes what runs at import: the harness is imported with the change."""

    def work() -> int:
        quiet(space.folder / "mutant.log")
        limit_memory()
        return _run_imported(space, trial)

    space.add(trial.run(space, work))


def _run_imported(space: Workspace, trial: Trial) -> int:
    for name in [n for n in sys.modules if n.split(".")[0] in ("harness", "conftest")]:
        del sys.modules[name]

    def work(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        _run_noting(space, [items[test] for test in by_file(trial.tests) if test in items])

    return pytest_session(space.copy, sorted({t.split("::")[0] for t in trial.tests}), work)


def run(space: Workspace, drawn: Sequence[Mutant], covered: CoverageMap, again: bool) -> None:
    """Tries the mutants that have no outcome yet; with `again` also those that were not caught."""
    outcomes = space.outcomes()
    sources = read(space.copy, sorted({mutant.package for mutant in drawn}))
    selector = TestSelector(space.copy, covered, sources)
    patched: list[Trial] = []
    imported: list[Trial] = []
    for mutant in drawn:
        past = outcomes.get(mutant.key, [])
        if past and not (again and past[-1].outcome not in CAUGHT):
            continue
        source = sources[mutant.path]
        effect = change(source, mutant)
        assert effect is not None
        covered_line = selector.is_covered(mutant.path, mutant.line)
        # A function that no test is seen to run may run at import, or in another process.
        at_import = effect.at_import or not covered_line
        tests = selector.tests(mutant.path, mutant.line, at_import)
        seconds = sum(covered.seconds[test] for test in tests)
        untouched = UNTOUCHED[effect.at_import or covered_line]
        if tests:
            trial = Trial(mutant, effect, source, tests, seconds, untouched)
            (imported if at_import else patched).append(trial)
        else:
            space.add(Outcome(mutant.key, "uncovered"))
    print(
        f"{len(patched)} mutants of functions, {len(imported)} of what runs at import", flush=True
    )
    if patched:
        in_fork(lambda: try_in_session(space, patched))
    for trial in imported:
        try_imported(space, trial)


def verify(space: Workspace, drawn: Sequence[Mutant]) -> list[str]:
    """The tests that caught a mutant and fail without one too, which should be none."""
    outcomes = space.outcomes()
    last = [outcomes[mutant.key][-1] for mutant in drawn if mutant.key in outcomes]
    killers = sorted({o.killer for o in last if o.outcome == "caught" and "::" in o.killer})
    failures = space.folder / "failures.json"

    class Failures:
        tests: list[str] = []  # noqa: RUF012

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                self.tests.append(report.nodeid)

    def work(session: pytest.Session) -> None:
        session.config.pluginmanager.register(Failures())
        run_items([item for item in session.items if item.nodeid in killers])
        failures.write_text(json.dumps(Failures.tests), encoding="utf-8")

    def process() -> int:
        quiet(space.folder / "verifying.log")
        return pytest_session(space.copy, sorted({t.split("::")[0] for t in killers}), work)

    failures.unlink(missing_ok=True)
    in_fork(process)
    return list(json.loads(failures.read_text(encoding="utf-8")))


# ------------------------------------------------------------------ the page


def table(space: Workspace, drawn: Sequence[Mutant]) -> str:
    """Mutants by package: first outcomes, and what is caught by the tests of today."""
    outcomes = space.outcomes()
    first = {m.key: outcomes[m.key][0].outcome for m in drawn if m.key in outcomes}
    last = {m.key: outcomes[m.key][-1].outcome for m in drawn if m.key in outcomes}
    head = "package | mutants | caught | timed out | survived | in no test | caught at first | now"
    rows = [f"| {head} |", "|---|" + "--:|" * 7]
    for package in [*PACKAGES, "all"]:
        keys = [m.key for m in drawn if m.key in first and package in (m.package, "all")]
        if keys:
            counts = Counter(first[key] for key in keys)
            names = ("caught", "timeout", "survived", "uncovered")
            shares = [sum(o[key] in CAUGHT for key in keys) / len(keys) for o in (first, last)]
            cells = [package, len(keys), *(counts[n] for n in names), *(f"{s:.1%}" for s in shares)]
            rows.append("| " + " | ".join(str(cell).replace("%", " %") for cell in cells) + " |")
    return "\n".join(rows)


def survivors(space: Workspace, drawn: Sequence[Mutant]) -> str:
    """Each mutant that no test caught at first, with the change, and whether one does now."""
    outcomes, sources = space.outcomes(), read(space.copy, PACKAGES)
    rows = ["| where | line | becomes | now |", "|---|---|---|---|"]
    for mutant in drawn:
        past = outcomes.get(mutant.key)
        if past and past[0].outcome not in CAUGHT:
            old, new = _lines(sources[mutant.path], mutant)
            rows.append(f"| `{mutant.path}:{mutant.line}` | {old} | {new} | {past[-1].outcome} |")
    return "\n".join(rows)


def _lines(source: str, mutant: Mutant) -> tuple[str, str]:
    """A mutant's line and what becomes of it, as code in a cell of a table."""
    texts = [text.splitlines() for text in (source, mutant.source(source) or "")]
    old, new = (" ".join(text[mutant.line - 1].split()).replace("|", "\\|") for text in texts)
    return f"`{old}`", f"`{new}`" if len(texts[0]) == len(texts[1]) else "nothing"


def write_page(page: Path, texts: dict[str, str]) -> None:
    """Puts texts between their marks on a page; a page without a mark stays as it is there."""
    text = page.read_text(encoding="utf-8")
    for name, content in texts.items():
        start, end = f"<!-- mutation: {name} -->", "<!-- end -->"
        before, mark, rest = text.partition(start)
        if mark:
            text = f"{before}{start}\n{content}\n{end}{rest.partition(end)[2]}"
    page.write_text(text, encoding="utf-8")


def warm() -> None:
    """Loads libraries, so that each process has them from its start."""
    warnings.simplefilter("ignore", SyntaxWarning)
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="what the run keeps")
    parser.add_argument("--per-package", type=int, default=52)
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=PACKAGES)
    parser.add_argument("--again", action="store_true", help="try once more what survived")
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced")
    arguments = parser.parse_args()
    space = Workspace(arguments.folder.resolve())
    space.prepare()
    warm()
    sampled = space.sample(arguments.per_package, arguments.seed)
    drawn = [mutant for mutant in sampled if mutant.package in arguments.packages]
    run(space, drawn, measure(space, arguments.packages), arguments.again)
    print(f"\n{table(space, drawn)}\n\n{survivors(space, drawn)}")
    if not arguments.page:
        return 0
    wrong = verify(space, drawn)
    for test in wrong:
        print(f"fails without a mutant too: {test}")
    rules = "\n".join(f"- {rule}: {text};" for rule, text in RULES.items())
    texts = {"table": table(space, drawn), "survivors": survivors(space, drawn), "rules": rules}
    if not wrong:
        write_page(arguments.page.resolve(), texts)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
