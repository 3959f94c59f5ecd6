"""CIFAR-10 and CIFAR-100, whose official files are pickles of arrays.

Only files of the right digest are opened, and then with a reader that knows arrays and nothing
else, so that no file can run code.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import BadInput
from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.array_set import ArraySet, maker
from harness.data.standard.files import Files, by_torchvision

SHAPE = (3, 32, 32)
COUNTS = {"train": 50_000, "test": 10_000}

CIFAR10_SUMS = {
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
}
CIFAR100_SUMS = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
}
"""As torchvision pins them."""

CIFAR10_NAMES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())

FINE_NAMES = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
""".split()
)
COARSE_NAMES = tuple(
    """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables
    household_electrical_devices household_furniture insects large_carnivores
    large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
    medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1
    vehicles_2
""".split()
)

_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _Arrays(pickle.Unpickler):
    """Opens pickles of plain values and NumPy arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which no array needs")
        return super().find_class(module, name)


def _read(path: Path, labels: bytes) -> ImageBlock:
    """One batch: its rows are red, green and blue planes, one after the other."""
    try:
        with path.open("rb") as file:
            # Names are bytes, as Python 2 wrote them; making text of the pixels on the way, as the
            # other encodings do, would take as much memory again.
            batch = _Arrays(file, encoding="bytes").load()
        return ImageBlock(batch[b"data"].reshape(-1, *SHAPE), np.asarray(batch[labels], np.int64))
    except Exception as error:  # a damaged pickle makes its reader raise almost anything
        raise BadInput(f"{path}: not a batch of CIFAR images ({error})") from error


def _blocks(
    batches: Mapping[str, list[str]], labels: bytes, folder: Path, split: str
) -> Iterator[ImageBlock]:
    return (_read(folder / name, labels) for name in batches[split])


_CIFAR10_BATCHES = {"train": list(CIFAR10_SUMS)[:-1], "test": ["test_batch"]}
_CIFAR100_BATCHES = {"train": ["train"], "test": ["test"]}

CIFAR10_SET = ArraySet(
    "cifar10",
    DatasetCard(
        title="CIFAR-10",
        licence="none stated by its authors",
        citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
        classes=CIFAR10_NAMES,
    ),
    Files("CIFAR-10", Path("cifar-10-batches-py"), CIFAR10_SUMS, by_torchvision("CIFAR10")),
    COUNTS,
    SHAPE,
    partial(_blocks, _CIFAR10_BATCHES, b"labels"),
)


def cifar100_set(coarse: bool) -> ArraySet:
    """CIFAR-100 with its 100 fine classes, or the 20 coarse ones that they belong to."""
    return ArraySet(
        "cifar100-coarse" if coarse else "cifar100",
        DatasetCard(
            title="CIFAR-100 (coarse classes)" if coarse else "CIFAR-100",
            licence="none stated by its authors",
            citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
            classes=COARSE_NAMES if coarse else FINE_NAMES,
        ),
        Files("CIFAR-100", Path("cifar-100-python"), CIFAR100_SUMS, by_torchvision("CIFAR100")),
        COUNTS,
        SHAPE,
        partial(_blocks, _CIFAR100_BATCHES, b"coarse_labels" if coarse else b"fine_labels"),
    )


def _make_cifar100(_: str, options: Mapping[str, str]) -> Source:
    labels = options.get("labels", "fine")
    if labels not in ("fine", "coarse"):
        raise BadInput(f"cifar100: labels={labels}; fine (100 classes) or coarse (20) is needed")
    return cifar100_set(labels == "coarse").source(options)


CIFAR10 = maker(CIFAR10_SET)
CIFAR100 = DatasetFactory(_make_cifar100, ("labels", *sizing.OPTIONS))
