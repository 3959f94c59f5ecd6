"""The processes that train one model together: started with a cell's training, ended with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import ProcessContext, start_processes

from harness.training import stopping
from harness.training.checkpoint import Checkpoints
from harness.training.numerics import Numerics

PATIENCE = timedelta(minutes=10)
"""How long processes wait for one another: the others may still be reading data."""

PARTING = 10.0
"""Seconds in which the others end by themselves."""

Assist = Callable[..., None]


@contextmanager
def gang(numerics: Numerics, assist: Assist, *arguments: Any) -> Iterator[None]:
    """While the block runs, `assist(numerics, *arguments)` runs in each of the other processes of
    `numerics`, with the numerics of its own device; all are of one torch.distributed group, and
    this process is the first. It decides when training ends: the others end with it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        meeting = f"file://{scratch}/meeting"
        context: ProcessContext = start_processes(  # type: ignore[no-untyped-call]
            _help, (meeting, numerics, assist, arguments), numerics.processes - 1,
            join=False, daemon=True, start_method="spawn",
        )  # fmt: skip
        try:
            _join(meeting, numerics, 0)
            yield
            dist.destroy_process_group()
            context.join(timeout=PARTING)
        except RuntimeError as error:  # a collective that broke off: somebody ended
            if reason := _failure(context):
                raise RuntimeError(f"a process that helps failed: {reason}") from error
            raise
        finally:
            for process in context.processes:
                process.kill()
            if dist.is_initialized():
                dist.destroy_process_group()


class ReadOnly(Checkpoints):
    """The checkpoints of another process, which alone writes them."""

    def due(self) -> bool:
        """Never."""
        return False

    def save(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Writes nothing."""


def _help(
    index: int, meeting: str, numerics: Numerics, assist: Assist, arguments: tuple[Any, ...]
) -> None:
    stopping.end_with_parent()
    rank = index + 1
    kind, _, first = numerics.device.partition(":")
    own = numerics.on(f"{kind}:{int(first) + rank}" if first else kind)
    own.apply()
    _join(meeting, own, rank)
    assist(own, *arguments)
    dist.destroy_process_group()


def _join(meeting: str, numerics: Numerics, rank: int) -> None:
    on_gpu = numerics.device.startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(numerics.device)
    dist.init_process_group(
        "nccl" if on_gpu else "gloo", init_method=meeting, timeout=PATIENCE, rank=rank,
        world_size=numerics.processes,
    )  # fmt: skip


def _failure(context: ProcessContext) -> str:
    """What a process of the gang ended with, in one line, if any failed."""
    try:
        context.join(timeout=PARTING)
    except Exception as error:
        return str(error).strip().splitlines()[-1]
    return ""
