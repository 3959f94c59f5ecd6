"""A Ray cluster: which of its nodes can take cells, and how much of a node a cell takes.

Checkpoints, locks, and results that the MLflow server did not take are in the output folder, which
all nodes share: so a cell whose node is lost goes on elsewhere from its last checkpoint.
"""

from __future__ import annotations

import importlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from harness.core.counting import counted
from harness.core.cuda_graphs import Accelerate
from harness.core.errors import BadInput, TryLater
from harness.engine.cell_scheduler import ALONE, USABLE
from harness.engine.ray.nodes import (
    NodeRequirements,
    check_shared_folder,
    missing_requirements,
    node_machine,
    node_requirements,
    shared_folder_lock,
)
from harness.engine.ray.tasks import RayTasks
from harness.plan import Cell, Plan
from harness.tracking import Store
from harness.training.numerics import Numerics

NAMED = 4
"""Nodes that an error names before it only counts them."""


@dataclass(frozen=True)
class Node:
    """A node of the cluster, with the CPUs and GPUs that Ray gives away of it."""

    key: str
    name: str
    cpus: float
    gpus: float


@contextmanager
def join_cluster(
    address: str | None, device: str, processes: int, accelerate: Literal["auto"] | Accelerate
) -> Iterator[Cluster]:
    """The Ray cluster at an address, or that of this node, which the command is part of while the
    block runs; its tasks end with it. TryLater where none answers.

    Cells compute on this `device`, each in `processes` processes; `auto` means GPUs if there are
    any.
    """
    ray = _ray()
    if address and "://" in address:
        raise BadInput(
            f"--address {address}: start the command on a node of the cluster, and name it as"
            " HOST:PORT; from elsewhere, `ray job submit` does that"
        )
    try:
        ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f"at {address}" if address else "on this machine"
        first = str(error).strip().partition("\n")[0]
        raise TryLater(
            f"no Ray cluster {where} ({first}); start one with `ray start --head`: see"
            " docs/scaling.md"
        ) from error
    try:
        yield Cluster(ray, device, processes, accelerate)
    finally:
        ray.shutdown()


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError:
        raise BadInput("--engine ray needs Ray: python -m pip install 'harness[ray]'") from None


class Cluster:
    """A Ray cluster that this process has joined.

    `machines` has the nodes that cells run on, all of the kind that most are, and what they compute
    with; `notes` says in words which are not used, since their numbers would be others.
    """

    def __init__(
        self, ray: Any, device: str, processes: int, accelerate: Literal["auto"] | Accelerate
    ) -> None:
        self._ray = ray
        nodes = self._nodes()
        on_gpu = device.startswith("cuda") or (device == "auto" and any(n.gpus for n in nodes))
        able = [n for n in nodes if (n.gpus if on_gpu else n.cpus) >= processes]
        if not able:
            share = counted(processes, "GPU" if on_gpu else "CPU")
            raise BadInput(f"no node of the cluster has {share} to give: see `ray status`")
        self._gpus_to_ask = processes if on_gpu else 0
        kind = "cuda" if on_gpu else "cpu" if device == "auto" else device
        answers = self._on_each(able, node_machine, kind, processes, accelerate)
        _complain({n: (answer,) for n, answer in answers.items() if isinstance(answer, str)})
        self.numerics: Numerics
        [(self.numerics, _)] = Counter(
            machine.numerics for machine in answers.values()
        ).most_common(1)
        self.machines = {n: m for n, m in answers.items() if m.numerics == self.numerics}
        self.notes = [
            f"node {node.name} is left out: it computes on {_kind(machine.numerics)}, and most on"
            f" {_kind(self.numerics)}"
            for node, machine in answers.items()
            if node not in self.machines
        ]

    def engine(
        self, plan: Plan, cells: Sequence[Cell], store: Store, needs: Mapping[str, float]
    ) -> RayTasks:
        """Cells ready to run, each on as much of a node as it needs. BadInput that names the nodes
        which lack something that the plan's cells need.
        """
        requirements = node_requirements(plan, store.uri, store.folder)
        with shared_folder_lock(store.folder):
            answers = self._on_each(list(self.machines), _unmet_requirements, requirements)
        _complain({n: (a,) if isinstance(a, str) else a for n, a in answers.items()})
        shares = {cell.name: self._share(cell, needs) for cell in cells}
        return RayTasks(self._ray, cells, requirements, shares, self._at_a_time(shares))

    def _share(self, cell: Cell, needs: Mapping[str, float]) -> dict[str, Any]:
        """Returns the resources of a node that a cell's task takes."""
        numerics = cell.numerics
        share: dict[str, Any] = {"num_cpus": numerics.threads * numerics.processes, "num_gpus": 0}
        if self._gpus_to_ask:
            memory = USABLE * min(machine.gpu_bytes for machine in self.machines.values())
            part = share_of_gpu(needs.get(cell.name, ALONE), memory)
            share["num_gpus"] = numerics.processes if numerics.processes > 1 else part
        if self.notes:  # if not, nodes that come later may take cells too
            keys = ", ".join(node.key for node in self.machines)
            share["label_selector"] = {"ray.io/node-id": f"in({keys})"}
        return share

    def _at_a_time(self, shares: Mapping[str, Mapping[str, Any]]) -> int:
        """How many cells run at a time, if each takes as much as the largest."""
        cpus = max((share["num_cpus"] for share in shares.values()), default=1)
        gpus = max((share["num_gpus"] for share in shares.values()), default=0)
        fitting = (min(n.cpus // cpus, n.gpus // gpus if gpus else n.cpus) for n in self.machines)
        return max(1, int(sum(fitting)))

    def _nodes(self) -> list[Node]:
        def node(description: Mapping[str, Any]) -> Node:
            name = f"{description['NodeManagerHostname']} ({description['NodeManagerAddress']})"
            resources = description["Resources"]
            return Node(
                description["NodeID"], name, resources.get("CPU", 0), resources.get("GPU", 0)
            )

        return [node(description) for description in self._ray.nodes() if description["Alive"]]

    def _on_each(
        self, nodes: Sequence[Node], function: Callable[..., Any], *arguments: Any
    ) -> dict[Node, Any]:
        """What a function returns on each node, run on all at once; an error as one line."""
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        task = self._ray.remote(function)

        def ask(node: Node) -> Any:
            strategy = strategies.NodeAffinitySchedulingStrategy(node.key, soft=False)
            options = {"num_cpus": 0, "num_gpus": self._gpus_to_ask, "max_retries": 0}
            return task.options(scheduling_strategy=strategy, **options).remote(*arguments)

        references = {node: ask(node) for node in nodes}
        return {node: self._answer(reference) for node, reference in references.items()}

    def _answer(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return " ".join(str(getattr(error, "cause", None) or error).split())[:300]


def _unmet_requirements(requirements: NodeRequirements) -> tuple[str, ...]:
    return check_shared_folder(requirements.folder) or missing_requirements(requirements)


def _complain(faults: Mapping[Node, Sequence[str]]) -> None:
    """Raise BadInput that names the nodes with faults."""
    texts = [f"node {node.name}: {'; '.join(lines)}" for node, lines in faults.items() if lines]
    if texts:
        more = [f"and {len(texts) - NAMED} more nodes"] if len(texts) > NAMED else []
        raise BadInput("; ".join(texts[:NAMED] + more))


def _kind(numerics: Numerics) -> str:
    return f"{numerics.machine} with torch {numerics.torch_version}"


def share_of_gpu(need: float, memory: float) -> float:
    """The part of a GPU that a cell takes, so that as many as fit share it; in Ray's grain."""
    if need > memory / 2:
        return 1.0
    return math.floor(1e4 / (memory // need)) / 1e4
