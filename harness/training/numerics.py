"""The device a model is trained and measured on, and how that device computes."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import warnings
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self

import torch

from harness.core.cuda_graphs import Accelerate
from harness.core.errors import BadInput
from harness.families.base import FamilySettings


@dataclass(frozen=True)
class Numerics:
    """What numbers depend on besides code, data and seed: part of the keys of finished work.

    `threads` are those of the CPU, `processes` those that share the batches of one model, each with
    a GPU of its own where there are any. The order of a sum depends on how many share it, so that
    they change the last bits. `precision` and `memory_format` are those of a recipe's training, and
    `optimizer` is PyTorch's implementation of it. Within equal values the bits are the same.
    """

    device: str
    name: str
    threads: int
    tf32: bool
    torch_version: str
    accelerate: Accelerate = "off"
    precision: str = "fp32"
    memory_format: str = "contiguous"
    optimizer: str = "fused"
    processes: int = 1

    @classmethod
    def resolve(
        cls,
        device: str = "auto",
        threads: int = 1,
        *,
        tf32: bool = True,
        accelerate: Literal["auto"] | Accelerate = "auto",
        processes: int = 1,
    ) -> Self:
        """The device behind `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; BadInput where it is none, or
        where there are fewer GPUs than `processes`.

        `tf32` lets an NVIDIA GPU round the factors of matrix products to ten bits. Where the
        machine cannot `accelerate` as asked, a warning says so and it computes without.
        """
        present = devices()
        chosen = present[-1] if device == "auto" else {"cuda": "cuda:0"}.get(device, device)
        if chosen not in present:
            raise BadInput(f"no device {device!r} on this machine; there is: {', '.join(present)}")
        gpus = sum(name.startswith("cuda") for name in present)
        if processes > 1 and chosen != "cpu" and gpus < processes:
            raise BadInput(f"{processes} processes need as many GPUs; on this machine are {gpus}")
        return cls(
            device=chosen,
            name=_name(chosen),
            threads=threads,
            tf32=tf32 and chosen.startswith("cuda"),
            torch_version=torch.__version__,
            accelerate=_accelerated(accelerate, chosen) if processes == 1 else "off",
            processes=processes,
        )

    def of(self, settings: FamilySettings) -> Self:
        """Those of a model with these settings."""
        return replace(self, precision=settings.precision, memory_format=settings.memory_format)

    def apply(self) -> torch.device:
        """Makes this process compute so, and repeatably; the device to put tensors on."""
        # cuBLAS reads this when its first handle is made; without it its sums are not repeatable.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.set_num_threads(self.threads)
        # An operation without a repeatable form warns rather than ending a long run.
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Filling every new tensor, which comes with it, only helps to find reads of unset memory.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        if self.device.startswith("cuda"):
            torch.cuda.set_device(self.device)  # streams and graphs are the current device's
        return torch.device(self.device)

    @property
    def machine(self) -> str:
        """For people, and for the protocols of timings: `NVIDIA H200`, `Xeon …, 1 thread`."""
        threads = f", {self.threads} thread{'s' * (self.threads > 1)}"
        several = f", {self.processes} processes a model" if self.processes > 1 else ""
        return self.name + (threads if self.device == "cpu" else "") + several

    @property
    def is_one_thread(self) -> bool:
        """Whether one thread of the CPU computes all of a model, so that it takes as much of the
        processor's time whoever else wants it.
        """
        alone = (self.threads, self.processes, self.accelerate) == (1, 1, "off")
        return alone and self.device == "cpu"

    def on(self, device: str) -> Self:
        """The same numerics on another device of the same kind."""
        return replace(self, device=device)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for keys and records. Which of several equal GPUs it is does not count."""
        return asdict(self) | {"device": self.device.partition(":")[0]}


def devices() -> list[str]:
    """The devices of this machine, the one that `auto` takes last."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found + [f"cuda:{i}" for i in reversed(range(torch.cuda.device_count()))]


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _accelerated(wanted: Literal["auto"] | Accelerate, device: str) -> Accelerate:
    is_cuda = device.startswith("cuda")
    if wanted == "auto":
        return "graph" if is_cuda else "off"
    if wanted == "graph" and not is_cuda:
        warnings.warn(f"accelerate: graph: {device} has no CUDA graphs; runs without", stacklevel=3)
        return "off"
    if wanted == "compile" and (lacks := _lacks(device)):
        instead: Accelerate = "graph" if is_cuda else "off"
        warnings.warn(f"accelerate: compile: {lacks}; runs with {instead!r}", stacklevel=3)
        return instead
    return wanted


def _lacks(device: str) -> str | None:
    """What `torch.compile` would need and this machine has not."""
    if device.startswith("cuda"):
        return None if find_spec("triton") else "the package triton is missing"
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    return None if shutil.which(compiler) else f"there is no C++ compiler {compiler!r}"


def _name(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return _processor() or platform.processor() or platform.machine()


def _processor() -> str:
    """What Linux calls the processor, without the marks that lawyers ask for; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "")
    return " ".join(name.replace("(R)", "").replace("(TM)", "").split())
