"""The same cells on a real Ray cluster: two nodes, each a set of processes of its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from test_long_runs import numbers, started, until

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
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
    """The step of the newest checkpoint of each cell."""
    return {
        work.name: max((int(file.stem[5:]) for file in work.glob("step-*")), default=-1)
        for work in folder.glob("reports/work/*")
    }


def test_a_lost_node_s_cell_goes_on_elsewhere_to_the_same_numbers(
    cluster: Any, tmp_path: Path, mlflow_server: str, expected: dict[tuple[str, ...], str]
):
    node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    command = started(tmp_path, mlflow_server)
    process = command.start(*ARGUMENTS, "--engine", "ray", "--address", cluster.address)
    until(lambda: sum(step > 0 for step in checkpoints(tmp_path).values()) == 2, process)
    cluster.remove_node(node, allow_graceful=False)
    saved, lowest = checkpoints(tmp_path), dict[str, int]()
    while process.poll() is None:
        for cell, step in checkpoints(tmp_path).items():
            lowest[cell] = min(step, lowest.get(cell, step))
        time.sleep(0.05)
    out, err = process.communicate()
    assert process.returncode == 0, err + out
    assert "2 cells at a time" in out or "2 at a time" in out
    assert err.count("its node or process was lost (NodeDiedError); it goes on elsewhere") == 1
    assert all(lowest[cell] >= step for cell, step in saved.items() if step > 0), "none began anew"
    assert numbers(tmp_path) == expected
    client = mlflow.MlflowClient(tracking_uri=mlflow_server)
    experiment = client.get_experiment_by_name("short")
    runs = client.search_runs([experiment.experiment_id], "tags.`harness.kind` = 'cell'")
    assert len({run.info.run_name for run in runs}) == len(runs), "no cell is done twice"
    assert {run.info.status for run in runs} == {"FINISHED"}
