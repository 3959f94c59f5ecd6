"""Our training batches against a plain DataLoader over torchvision's sets: the same images, faster?

    python benchmarks/data.py [--quick] [--repeats 5] [--data-root DIR]

Ours and the library's run alternately in one process on one CPU thread, after both are found to
show the same images with the same labels. A row has medians of images per second and their ratio:
of processor time, so that other programs on the machine disturb them little, or by the wall clock
where the library has workers, which are processes of their own. Then how many times as long ours
take as the least that any such batch needs, which is to read its pixels and write floats. Last
comes the peak memory of CIFAR-10's preparation, in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from side_by_side import machine
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from harness.data import Batches, load_dataset, to_uint8
from harness.data.load import default_root

BATCH = 64
"""What recipes have unless they say otherwise."""

Shown = Iterator[tuple[Tensor, Tensor]]
Epoch = Callable[[], Shown]


@dataclass(frozen=True)
class Row:
    """A dataset, the library's class for it, and whether images are flipped."""

    name: str
    library: type[datasets.VisionDataset]
    flip: bool


ROWS = (Row("mnist", datasets.MNIST, flip=False), Row("cifar10", datasets.CIFAR10, flip=True))


def ours(row: Row, root: Path) -> Epoch:
    train = load_dataset(row.name, root).train
    batches = Batches(train, BATCH, seed=0, flip=row.flip)
    indices = range(len(train) // BATCH)
    return lambda: ((batch.x, batch.labels) for batch in map(batches.batch, indices))


def theirs(row: Row, root: Path, workers: int) -> Epoch:
    flips = [transforms.RandomHorizontalFlip()] if row.flip else []
    steps = [*flips, transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
    images = row.library(str(root), train=True, transform=transforms.Compose(steps))
    loader = DataLoader(
        images, BATCH, shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    return lambda: iter(loader)


def assert_equal(row: Row, root: Path) -> None:
    """A training set in our batches is the library's, in whatever order, flipped or not."""
    train = load_dataset(row.name, root).train
    batches = Batches(train, len(train), seed=0, flip=row.flip)
    batch = batches.batch(0)
    mine, labels = _sorted(batch.x, batch.labels)
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    images, its_labels = zip(*row.library(str(root), train=True, transform=steps), strict=True)
    its, its_labels = _sorted(torch.stack(images), torch.tensor(its_labels))
    assert torch.equal(labels, its_labels), f"{row.name}: other labels"
    # u / 127.5 - 1 and (u / 255 - 0.5) / 0.5 are not rounded alike.
    assert (mine - its).abs().max() < 2e-7, f"{row.name}: other images"


def _sorted(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image the flip that comes first by its pixels, and of these all in order."""
    both = [images, images.flip(-1)]
    named = ([pixels.tobytes() for pixels in to_uint8(one).numpy()] for one in both)
    keys = list(zip(*named, labels.tolist(), strict=True))
    swap = torch.tensor([mirrored < plain for plain, mirrored, _ in keys])
    one_way = torch.where(swap[:, None, None, None], both[1], both[0])
    order = sorted(range(len(keys)), key=lambda i: (min(keys[i][:2]), keys[i][2]))
    return one_way[order], labels[order]


def rate(shown: Shown, clock: Callable[[], float]) -> float:
    """Images per second. The first batch is not timed: a DataLoader starts its workers for it."""
    next(shown)
    start, images = clock(), 0
    for x, _ in shown:
        images += len(x)
    return images / (clock() - start)


def compare(row: Row, root: Path, batches: int | None, repeats: int) -> None:
    assert_equal(row, root)
    mine = ours(row, root)
    pixels = to_uint8(next(mine())[0])
    for workers in (0, 2):
        its = theirs(row, root, workers)
        clock = time.perf_counter if workers else time.process_time
        timed = [
            [rate(itertools.islice(batches_of(), batches), clock) for batches_of in (mine, its)]
            + [rate(least(pixels), clock)]
            for _ in range(repeats)
        ]
        our_rate, their_rate, most = map(statistics.median, zip(*timed, strict=True))
        title = f"{row.name}{' with flips' if row.flip else ''}, {workers} workers"
        print(
            f"{title:34} {our_rate:9,.0f} {their_rate:9,.0f} {our_rate / their_rate:7.1f}×"
            f" {most / our_rate:9.1f}×",
            flush=True,
        )


def least(pixels: Tensor) -> Shown:
    """Batches whose pixels are only read, and whose floats only written."""
    return ((pixels.to(torch.float32), pixels) for _ in range(500))


def peak_memory(root: Path) -> tuple[float, float]:
    """Of preparing CIFAR-10 anew: the peak beyond what the process had, and the prepared size, in
    MB."""
    with tempfile.TemporaryDirectory() as fresh:
        folder = Path(datasets.CIFAR10.base_folder)
        (Path(fresh) / folder).symlink_to((root / folder).resolve(), target_is_directory=True)
        command = [sys.executable, __file__, "--peak", fresh]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak, size = map(float, found.split())
    return peak, size


def print_peak(root: Path) -> None:
    load_dataset("digits")  # loads what it needs
    before = in_status("VmRSS")
    dataset = load_dataset("cifar10", root)
    size = sum(split.images.nbytes + split.labels.nbytes for split in (dataset.train, dataset.test))
    print(in_status("VmHWM") - before, size / 1e6)


def in_status(name: str) -> float:
    """In MB."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Our training batches against torchvision's.")
    parser.add_argument("--quick", action="store_true", help="few batches, to see that it runs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data-root", type=Path, default=default_root())
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak:
        print_peak(arguments.peak)
        return
    print(machine())
    print(f"{'images per second':34} {'ours':>9} {'theirs':>9} {'ratio':>8} {'floor':>10}")
    for row in ROWS:
        compare(row, arguments.data_root, 50 if arguments.quick else None, arguments.repeats)
    peak, size = peak_memory(arguments.data_root)
    print(f"preparing cifar10: {peak:.0f} MB at the peak, {peak / size:.2f}× its {size:.0f} MB")


if __name__ == "__main__":
    main()
