"""The data files inside scikit-image, read without its downloader."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import skimage

from harness.core.errors import BadInput


def read_file(name: str, sha256: str) -> io.BytesIO:
    """The file `name` of scikit-image's data. Raises BadInput unless it is the one of `sha256`."""
    path = Path(skimage.__file__).parent / "data" / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); it comes with scikit-image: "
            "pip install --force-reinstall scikit-image"
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise BadInput(
            f"{path}: SHA-256 {digest[:8]}… instead of {sha256[:8]}…; damaged, or changed since "
            "scikit-image 0.26, so that numbers from it would not compare"
        )
    return io.BytesIO(data)
