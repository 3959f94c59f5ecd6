"""Datasets in memory, the tasks made from them, and batches to train on."""

from harness.data.base import About, Dataset, Split
from harness.data.load import DATASETS, about, each_class, load_dataset
from harness.data.loader import Batches
from harness.data.pixels import to_float, to_uint8
from harness.data.source import Maker, Source

__all__ = [
    "DATASETS",
    "About",
    "Batches",
    "Dataset",
    "Maker",
    "Source",
    "Split",
    "about",
    "each_class",
    "load_dataset",
    "to_float",
    "to_uint8",
]
