"""Company for what is measured: processes that train, as the other workers of a run would.

Alone on a machine a cell has all of its caches, its memory's bandwidth and its clock rate. Beside
others it takes a quarter longer on some, so that estimates must be made in company.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

READY = "ready\n"


@contextmanager
def background_load(count: int) -> Iterator[None]:
    """While this lasts, so many other processes are busy with one thread each."""
    with ExitStack() as all_of_them:
        started = []
        for _ in range(count):
            command = [sys.executable, "-m", "harness.engine.background_load"]
            # In a session of its own, so that Ctrl-C is for this process, which ends it.
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            all_of_them.enter_context(process)
            all_of_them.callback(process.kill)
            started.append(process)
        for process in started:
            if process.stdout and process.stdout.readline() != READY:
                raise RuntimeError("a process that was to keep a core busy did not start")
        yield


def main() -> None:
    """Train a small convolutional network, until this process is killed or its parent is gone."""
    torch.set_num_threads(1)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.LazyLinear(10),
    )  # fmt: skip
    images = torch.randn(64, 1, 28, 28)
    optimizer: torch.optim.Adam | None = None
    parent = os.getppid()
    while os.getppid() == parent:
        loss = network(images).square().mean()
        if optimizer is None:  # once the last layer knows its size
            optimizer = torch.optim.Adam(network.parameters(), fused=True)
            print(READY, end="", flush=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
