"""The devices of this machine that cells may run on."""

from __future__ import annotations

from collections.abc import Sequence

import psutil
import torch

from harness.engine.cell_scheduler import DeviceSlot, gpu_group_slots, gpu_slots
from harness.training.numerics import Numerics, cores, devices


def local_devices(
    numerics: Numerics, device: str, needs: Sequence[float], jobs: int | None
) -> list[DeviceSlot]:
    """Device slots for cells that need these bytes, at most `jobs` at a time.

    With `jobs` None: on a CPU as many as there are cores for, and more in the last round if there
    is a remainder; on GPUs as many as fit. All GPUs of the planned kind are used, unless `device`
    names one of them.
    """
    if not numerics.device.startswith("cuda"):
        by_cores = cores() // (numerics.threads * numerics.processes)
        default = by_cores if numerics.device == "cpu" else 1
        workers = max(1, min(jobs or default, len(needs)))
        takes_turns = not jobs and workers > 1 and numerics.is_one_thread
        spare = extra_workers(len(needs), workers) if takes_turns else 0
        return [DeviceSlot(numerics.device, workers, spare=spare)]
    gpus = [numerics.device] if ":" in device else _alike(numerics.name)
    if numerics.processes > 1:
        return gpu_group_slots(gpus, numerics.processes, jobs or len(gpus))
    free = {gpu: torch.cuda.mem_get_info(gpu)[0] for gpu in gpus}
    return gpu_slots(free, needs, jobs or cores())


def extra_workers(cells: int, workers: int) -> int:
    """How many more workers the last round needs, so that each of its cells has one.

    With five cells, two workers would do two, two more, and the last with a core to spare. So a
    third joins them for the last three, which take turns on the two cores: two and a half rounds,
    not three. A cell computes in one thread all the same, to the same bits.
    """
    return cells % workers if cells > workers else 0


def has_memory_to_spare() -> bool:
    """Whether half of this machine's memory is free, so that twice as many processes fit."""
    memory = psutil.virtual_memory()
    return bool(2 * memory.available > memory.total)


def _alike(name: str) -> list[str]:
    """The GPUs of this name, in order."""
    gpus = sorted(device for device in devices() if device.startswith("cuda"))
    return [gpu for gpu in gpus if torch.cuda.get_device_name(gpu) == name]
