"""The device a model is trained and measured on, and how that device computes."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch

from harness.spec.errors import BadInput


@dataclass(frozen=True)
class Numerics:
    """What numbers depend on besides code, data and seed: part of the keys of finished work.

    `threads` are those of the CPU. The order of a sum depends on how many share it, so that they
    change the last bits.
    """

    device: str
    name: str
    threads: int
    tf32: bool
    torch_version: str
    dtype: str = "float32"

    @classmethod
    def resolve(cls, device: str = "auto", threads: int = 1, *, tf32: bool = True) -> Self:
        """The device behind `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; BadInput where it is none.

        `tf32` lets an NVIDIA GPU round the factors of matrix products to ten bits.
        """
        present = devices()
        chosen = present[-1] if device == "auto" else {"cuda": "cuda:0"}.get(device, device)
        if chosen not in present:
            raise BadInput(f"no device {device!r} on this machine; there is: {', '.join(present)}")
        return cls(
            device=chosen,
            name=_name(chosen),
            threads=threads,
            tf32=tf32 and chosen.startswith("cuda"),
            torch_version=torch.__version__,
        )

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
        return torch.device(self.device)

    @property
    def machine(self) -> str:
        """For people, and for the protocols of timings: `NVIDIA H200`, `Xeon …, 1 thread`."""
        if self.device != "cpu":
            return self.name
        return f"{self.name}, {self.threads} thread{'s' * (self.threads > 1)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for keys and records."""
        return asdict(self)


def devices() -> list[str]:
    """The devices of this machine, the one that `auto` takes last."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found + [f"cuda:{i}" for i in reversed(range(torch.cuda.device_count()))]


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
