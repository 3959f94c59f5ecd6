"""The datasets that `torchvision.datasets` downloads, read from official files only.

torchvision checks an archive when it downloads it, but takes MNIST's unpacked files as they are.
Here every file is compared with its pinned SHA-256 first. That names a file which was cut short,
and it lets CIFAR-10's batches, which are pickles, be opened: unknown ones never are.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torchvision import datasets
from torchvision.datasets.mnist import read_image_file, read_label_file

from harness.data.base import About, Split
from harness.data.source import Source
from harness.spec.errors import BadInput

Sums = Mapping[str, str]
"""SHA-256 by file name."""

MNIST_SUMS: Sums = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_MNIST_SUMS: Sums = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
CIFAR10_SUMS: Sums = {
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
    "batches.meta": "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb",
}


def _idx(kind: type[datasets.MNIST], sums: Sums, root: Path) -> tuple[Split, Split]:
    folder = Path(kind.__name__, "raw")
    _provide(kind, folder, sums, root)

    def read(part: str) -> Split:
        images = read_image_file(str(root / folder / f"{part}-images-idx3-ubyte"))
        labels = read_label_file(str(root / folder / f"{part}-labels-idx1-ubyte"))
        return Split(images[:, None].contiguous(), labels)

    return read("train"), read("t10k")


def load_mnist(root: Path) -> tuple[Split, Split]:
    """60,000 train and 10,000 test images, uint8 N×1×28×28."""
    return _idx(datasets.MNIST, MNIST_SUMS, root)


def load_fashion_mnist(root: Path) -> tuple[Split, Split]:
    """60,000 train and 10,000 test images, uint8 N×1×28×28."""
    return _idx(datasets.FashionMNIST, FASHION_MNIST_SUMS, root)


def load_cifar10(root: Path) -> tuple[Split, Split]:
    """50,000 train and 10,000 test images, uint8 N×3×32×32."""
    _provide(datasets.CIFAR10, Path(datasets.CIFAR10.base_folder), CIFAR10_SUMS, root)

    def read(train: bool) -> Split:
        part = datasets.CIFAR10(root, train=train)
        images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()
        return Split(images, torch.tensor(part.targets, dtype=torch.int64))

    return read(True), read(False)


def _provide(kind: type[datasets.VisionDataset], folder: Path, sums: Sums, root: Path) -> None:
    """Download what is missing into `root / folder`, then check every file of it."""
    if any(not (root / folder / name).is_file() for name in sums):
        _download(kind, folder, sums, root)
    for name, right in sums.items():
        path = root / folder / name
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != right:
            raise BadInput(
                f"{path}: cut short or corrupt ({path.stat().st_size:,} bytes, SHA-256 "
                f"{found[:8]}…, the official file has {right[:8]}…); "
                "delete it and run again to download it"
            )


def _download(kind: type[datasets.VisionDataset], folder: Path, sums: Sums, root: Path) -> None:
    """Download beside the final place and move file by file, so that none is ever half there."""
    is_new = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".download-") as aside:
            kind(aside, download=True)
            (root / folder).mkdir(parents=True, exist_ok=True)
            for name in sums:
                (Path(aside) / folder / name).replace(root / folder / name)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        if is_new:
            with contextlib.suppress(OSError):  # another process may have filled it
                root.rmdir()
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{root / folder}: not all files of {kind.__name__} are here and they cannot be "
            f"downloaded ({reason}); name the folder that holds {folder.parts[0]}/ with "
            "--data-root or HARNESS_DATA"
        ) from error


_DIGIT_NAMES = tuple("0123456789")
_CIFAR10_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

MNIST = Source(
    About(
        title="MNIST",
        licence="none stated by its authors; commonly listed as CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner 1998, doi:10.1109/5.726791",
        classes=_DIGIT_NAMES,
        extractor="classifier:mnist",
        perceptual="classifier:mnist",
    ),
    load_mnist,
)
FASHION_MNIST = Source(
    About(
        title="Fashion-MNIST",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        classes=tuple(datasets.FashionMNIST.classes),
        extractor="classifier:fashion-mnist",
        perceptual="classifier:fashion-mnist",
    ),
    load_fashion_mnist,
)
CIFAR10 = Source(
    About(
        title="CIFAR-10",
        licence="none stated by its authors",
        citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
        classes=_CIFAR10_NAMES,
        extractor="inception",
        perceptual="lpips:alex",
    ),
    load_cifar10,
)
