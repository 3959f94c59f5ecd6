"""Peak memory of what runs between `start` and `peak`."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
from pathlib import Path

import torch

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def can_start_anew(device: str) -> bool:
    """Whether a peak can be told from those before it. Where it cannot be, as on macOS, the first
    cell of a process has all of it, and the others have nothing.
    """
    return device.startswith("cuda") or os.access(_CLEAR_REFS, os.W_OK)


def start(device: torch.device) -> int:
    """Start counting anew; the bytes in use now, which are not what comes after takes.

    Memory that earlier work left with an allocator is first given back to the system, so that a
    cell's figure does not depend on the cells that its process ran before.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    if can_start_anew(device.type):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
        _CLEAR_REFS.write_text("5")  # resets VmHWM: proc(5)
    return peak(device)


def held(device: torch.device) -> int:
    """Bytes that this process kept from others at most since `start`: on CUDA what its allocator
    reserved, elsewhere as `peak`.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    return peak(device)


def peak(device: torch.device) -> int:
    """Bytes: what tensors took at most on CUDA, elsewhere the process's largest resident set.

    macOS cannot start anew: there the figure is that of the process so far.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.exists():
        line = next(li for li in _STATUS.read_text().splitlines() if li.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
