"""What every call from Python has in common: errors of one class, and PyTorch left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.cli.failures import explain_exception
from harness.core.errors import BadInput


@contextmanager
def user_call() -> Iterator[None]:
    """Runs a block that somebody called from Python. Raises BadInput, with the line that the shell
    prints, for every error that the user can put right or that may pass with time. PyTorch's
    settings and its global random state are restored afterwards.
    """
    try:
        with unchanged_torch():
            yield
    except BadInput:
        raise
    except Exception as error:
        if explained := explain_exception(error):
            raise explained from error
        raise


@contextmanager
def unchanged_torch() -> Iterator[None]:
    """Restores PyTorch's settings and its global random state after a block."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    flags = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    is_on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    device = torch.cuda.current_device() if is_on_gpu else None
    try:
        with torch.random.fork_rng(devices=[] if device is None else [device]):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warns)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = flags
        if device is not None:
            torch.cuda.set_device(device)
