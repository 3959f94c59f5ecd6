"""The same cells on a real Ray cluster: two nodes, each a set of processes of its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from test_long_runs import numbers, started, until

from harness.training.checkpoint import Checkpoints

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
MARK = 1e6
"""Seconds by which a checkpoint is known again. A cell that runs reads none of its own."""
ARGUMENTS = ("run", "short.yaml", "--device", "cpu", "--checkpoint-seconds", "0.2")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """The numbers of a serial run that nothing disturbed."""
    command = started(tmp_path_factory.mktemp("serial"))
    ended = command(*ARGUMENTS, "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    return numbers(command.folder)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes of one CPU. Its processes see the environment as it is here."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "180")  # machines of CI are busy
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - it reads the environment

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=node)
    try:
        yield found
    finally:
        found.shutdown()


def checkpoints(folder: Path) -> dict[str, int]:
    """The step of the newest checkpoint of each cell that has one."""
    steps = {
        work.name: [int(file.stem[5:]) for file in work.glob("step-*")]
        for work in (folder / "runs" / "work").glob("*")
    }
    return {cell: max(of) for cell, of in steps.items() if of}


def mark(folder: Path) -> None:
    """Gives the newest checkpoint of each cell so many more seconds of training."""
    for work in (folder / "runs" / "work").glob("*"):
        checkpoints = Checkpoints(work)
        if newest := checkpoints.latest():
            tensors, values = newest
            checkpoints.save(tensors, values | {"seconds": MARK + values["seconds"]})


def test_a_lost_node_s_cell_goes_on_elsewhere_to_the_same_numbers(
    cluster: Any, tmp_path: Path, mlflow_server: str, expected: dict[tuple[str, ...], str]
):
    node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    command = started(tmp_path, mlflow_server)
    process = command.start(*ARGUMENTS, "--engine", "ray", "--address", cluster.address)
    until(lambda: sum(step > 0 for step in checkpoints(tmp_path).values()) == 2, process)
    cluster.remove_node(node, allow_graceful=False)
    time.sleep(1.5)  # its processes are gone, and the cluster has yet to notice
    mark(tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err + out
    assert "2 cells at a time" in out or "2 at a time" in out
    lost = "its node or process was lost (NodeDiedError); it goes on elsewhere"
    assert sum("ddpm" in line and lost in line for line in err.splitlines()) == 1
    assert numbers(tmp_path) == expected
    client = mlflow.MlflowClient(tracking_uri=mlflow_server)
    experiment = client.get_experiment_by_name("short")
    runs = client.search_runs([experiment.experiment_id], "tags.`harness.kind` = 'cell'")
    assert len({run.info.run_name for run in runs}) == len(runs), "no cell is done twice"
    assert {run.info.status for run in runs} == {"FINISHED"}
    took = [float(run.data.tags.get("harness.fact.seconds", 0)) for run in runs]
    assert sum(seconds > MARK for seconds in took) == 1, "it goes on from its checkpoint"
