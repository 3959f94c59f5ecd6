"""What a node of a cluster must have, so that the numbers it makes are those of any other.

Everything here runs on the node, or says what will; nothing knows of Ray.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock, Timeout

import harness
from harness.core.cuda_graphs import Accelerate
from harness.core.errors import FAILURES, BadInput
from harness.core.user_code import look_in
from harness.data import load_dataset
from harness.evaluation.measure import error_line
from harness.evaluation.protocols import NetworkInfo
from harness.evaluation.specs import Role
from harness.families import FAMILIES
from harness.plan import Cell, Plan
from harness.plan.setup import load_checked
from harness.tracking.address import read_address
from harness.tracking.reachability import check_reachable
from harness.training.code_version import code_version
from harness.training.numerics import Numerics

SHARED_LOCK = ".witness"
"""A file in the output folder that is locked while nodes check that they see the lock."""


@dataclass(frozen=True)
class RequiredNetwork:
    """A feature network that images of a dataset pass through: it must be this instrument."""

    role: Role
    name: str
    images: tuple[tuple[int, int, int], bool]
    """Their C×H×W, and whether they are pixels."""
    instrument: NetworkInfo


@dataclass(frozen=True)
class NodeRequirements:
    """What a node must have. `datasets` and `families` are pairs of a name and a digest; `suite` is
    the suite's folder, whose modules they may be in.
    """

    numerics: Numerics
    code: str
    families: tuple[tuple[str, str], ...]
    datasets: tuple[tuple[str, str], ...]
    networks: tuple[RequiredNetwork, ...]
    data_root: Path | None
    uri: str
    folder: Path
    suite: Path | None = None

    def of(self, cell: Cell) -> NodeRequirements:
        """What is needed for one cell."""
        names = {name for _, name in cell.setup.networks()}
        return replace(
            self,
            families=tuple(pair for pair in self.families if pair[0] == cell.family),
            datasets=tuple(pair for pair in self.datasets if pair[0] == cell.dataset),
            networks=tuple(network for network in self.networks if network.name in names),
        )


def node_requirements(plan: Plan, uri: str, folder: Path) -> NodeRequirements:
    """What a plan's cells need on every node, with this MLflow server and output folder."""
    trained = {cell.family for cell in plan.cells if cell.is_trained}
    setups = {cell.dataset: cell.setup for cell in plan.cells}
    networks = {
        RequiredNetwork(
            role,
            name,
            ((data.colours, data.size, data.size), data.has_pixels),
            instrument,
        )
        for data, setup in ((plan.datasets[name], setup) for name, setup in setups.items())
        for (role, name), instrument in setup.networks().items()
    }
    return NodeRequirements(
        numerics=plan.numerics,
        code=package_digest(),
        families=tuple((name, code_version(FAMILIES.load(name))) for name in sorted(trained)),
        datasets=tuple((name, data.digest) for name, data in plan.datasets.items()),
        networks=tuple(networks),
        data_root=plan.cells[0].data_root if plan.cells else None,
        uri=uri,
        folder=folder,
        suite=plan.loaded.folder.resolve(),
    )


@lru_cache(maxsize=64)  # a worker's next cell mostly needs the same
def missing_requirements(needs: NodeRequirements) -> tuple[str, ...]:
    """What this machine lacks, a line each; empty where cells can run. The output folder is not
    looked at: see `check_shared_folder`.
    """
    return tuple(_missing_lines(needs))


def _missing_lines(needs: NodeRequirements) -> Iterator[str]:
    if (digest := package_digest()) != needs.code:
        yield f"it has another harness ({harness.__version__}, {digest}): install the same one"
        return  # all else would only follow from that
    look_in(needs.suite)
    planned = needs.numerics
    yield from _difference(
        f"computes on {planned.machine}, torch {planned.torch_version}",
        planned.to_dict(),
        lambda: _numerics_like(planned).to_dict(),
    )
    for family, version in needs.families:
        yield from _difference(f"family {family}", version, partial(_family_version, family))
    for name, dataset_digest in needs.datasets:
        yield from _difference(
            f"dataset {name}", dataset_digest, partial(_dataset_digest, name, needs.data_root)
        )
    for network in needs.networks:
        yield from _difference(
            f"weights of {network.name}",
            network.instrument,
            partial(load_checked, network.role, network.name, *network.images),
        )
    try:
        check_reachable(read_address(needs.uri, needs.folder))
    except BadInput as error:
        yield str(error)


def _family_version(name: str) -> str:
    return code_version(FAMILIES.load(name))


def _dataset_digest(name: str, root: Path | None) -> str:
    return load_dataset(name, root).digest


def _difference(name: str, required: object, find: Callable[[], object]) -> Iterator[str]:
    """A line where this machine has not what is required under this name."""
    try:
        present = find()
    except FAILURES as error:
        yield f"{name}: {error if isinstance(error, BadInput) else error_line(error)}"
        return
    if present != required:
        yield f"{name}: there is {_short(present)}, and not {_short(required)}"


def _short(value: Any) -> str:
    """The start of a digest, the entries of a mapping."""
    if isinstance(value, NetworkInfo):
        return f"{value.label}, {value.preprocessing}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {entry}" for name, entry in value.items())
    return str(value)[:16]


def _numerics_like(planned: Numerics) -> Numerics:
    """This machine's numerics, with the planned ones where they can be chosen."""
    kind = planned.device.partition(":")[0]
    local = Numerics.resolve(kind, accelerate=planned.accelerate, processes=planned.processes)
    return replace(
        planned, name=local.name, torch_version=local.torch_version, accelerate=local.accelerate
    )


@lru_cache(maxsize=1)
def package_digest() -> str:
    """16 hexadecimal digits over the source of this package, as it is installed here."""
    folder = Path(harness.__file__).parent
    sha = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        sha.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return sha.hexdigest()[:16]


def shared_folder_lock(folder: Path) -> FileLock:
    """A lock in the output folder, to be held while nodes run `check_shared_folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / SHARED_LOCK)


def check_shared_folder(folder: Path) -> tuple[str, ...]:
    """Why this machine does not share the output folder, in which another machine holds
    `shared_folder_lock`; empty where it does.
    """
    if not (folder / SHARED_LOCK).exists():
        return (f"it does not see the output folder {folder}: it must be one that all nodes share",)
    try:
        with FileLock(folder / SHARED_LOCK, blocking=False):
            return (f"{folder} is another folder there, or locks in it do not hold between nodes",)
    except Timeout:
        return ()
    except (OSError, NotImplementedError) as error:  # a file system that has no locks
        return (f"no lock can be had in {folder}: {error}",)


@dataclass(frozen=True)
class NodeMachine:
    """What a node computes with: its numerics, and the bytes of its smallest GPU."""

    numerics: Numerics
    gpu_bytes: int = 0


def node_machine(
    device: str, processes: int, accelerate: Literal["auto"] | Accelerate
) -> NodeMachine:
    """What this machine computes with on such a device."""
    numerics = Numerics.resolve(device, processes=processes, accelerate=accelerate)
    gpus = range(torch.cuda.device_count()) if numerics.device.startswith("cuda") else ()
    free = [torch.cuda.mem_get_info(gpu)[0] for gpu in gpus]
    return NodeMachine(numerics, min(free, default=0))
