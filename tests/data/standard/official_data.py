"""What tests of the standard sets share: folders of files in the official formats."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.data.standard.array_set import ArraySet


def idx(values) -> bytes:
    kind = {"uint8": 0x08, ">i4": 0x0C}[str(values.dtype)]
    header = bytes([0, 0, kind, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    return header + values.tobytes()


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def stand_in(official: ArraySet, root: Path, contents: dict[str, bytes], **counts: int) -> ArraySet:
    """The set, with these files below `root` taken for the official ones."""
    folder = root / official.files.folder
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert set(contents) == set(official.files.sums)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    return replace(official, files=replace(official.files, sums=sums), counts=counts)
