"""Datasets in memory, the tasks made from them, and batches to train on."""

from harness.data.base import Dataset, DatasetCard, Split
from harness.data.load import DATASETS, dataset_card, each_class, load_dataset
from harness.data.loader import Batches
from harness.data.pixels import to_float, to_uint8
from harness.data.source import DatasetFactory, Source

__all__ = [
    "DATASETS",
    "Batches",
    "Dataset",
    "DatasetCard",
    "DatasetFactory",
    "Source",
    "Split",
    "dataset_card",
    "each_class",
    "load_dataset",
    "to_float",
    "to_uint8",
]
