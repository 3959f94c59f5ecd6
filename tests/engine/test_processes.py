"""Workers are forked from a server that is ready, and find what the command has."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch

from harness.engine import processes
from harness.engine.local import _start_worker
from harness.training import stopping

forked = pytest.mark.skipif(not processes.CAN_FORK, reason="workers are spawned here")


def look() -> tuple[set[str], dict[str, str], bool]:
    """The modules that are imported, the environment, and whether a GPU could not be used: CUDA
    does not survive a fork once a process has so much as counted devices.
    """
    return set(sys.modules), dict(os.environ), torch.cuda._is_in_bad_fork()


def count_devices() -> bool:
    torch._C._cuda_getDeviceCount()
    child = os.fork()
    if child == 0:
        os._exit(torch.cuda._is_in_bad_fork())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def end_server_politely() -> bool:
    """Sends the server, this process's parent, and this process what a system sends to all."""
    for process in (os.getppid(), os.getpid()):
        os.kill(process, signal.SIGTERM)
        os.kill(process, signal.SIGINT)
    return stopping.requested()


def worker(environment: dict[str, str]) -> ProcessPoolExecutor:
    given = (processes.context().SimpleQueue(), environment)
    return ProcessPoolExecutor(
        1, mp_context=processes.context(), initializer=_start_worker, initargs=given
    )


@forked
def test_a_worker_has_imported_already_and_has_the_environment_of_now():
    environment = {**os.environ, "SET_LATER": "yes"}
    with worker(environment) as pool:
        modules, found, spoilt = pool.submit(look).result()
        if torch.cuda._is_compiled():
            assert pool.submit(count_devices).result(), "it would have been seen"
    assert {"torch._dynamo", "harness.cell", "mlflow.store.tracking.sqlalchemy_store"} <= modules
    assert "SET_LATER" not in os.environ
    assert found == environment
    assert not spoilt


@pytest.fixture
def own_server() -> Iterator[None]:
    """A server that no other test's workers come from."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


@forked
@pytest.mark.usefixtures("own_server")
def test_signals_to_all_processes_ask_the_worker_to_stop_and_leave_the_server():
    with worker(dict(os.environ)) as pool:
        assert pool.submit(end_server_politely).result()
        assert pool.submit(stopping.requested).result(), "it goes on to save what it is at"


def test_where_they_cannot_be_forked_they_are_spawned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "CAN_FORK", False)
    processes.prepare()
    environment = {**os.environ, "SET_LATER": "yes"}
    with worker(environment) as pool:
        modules, found, _ = pool.submit(look).result()
        assert not pool.submit(stopping.requested).result()
    assert "mlflow.store.tracking.sqlalchemy_store" not in modules, "it was not made ready"
    assert found == environment


SCRIPT = """
import sys
from concurrent.futures import ProcessPoolExecutor
from harness.engine.processes import context

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=context())
    print(pool.submit(eval, "__import__('mlflow').__file__").result())
"""


@forked
def test_what_lies_in_the_working_directory_is_not_imported(tmp_path: Path):
    """A file of the user's that is called like a module must not take its place."""
    user = tmp_path / "user"
    user.mkdir()
    (user / "mlflow.py").write_text("")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(processes.__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, script], cwd=user, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(ended.stdout.strip()).parent.name == "mlflow"
