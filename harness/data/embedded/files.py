"""The data files inside scikit-image and scikit-learn, read without importing these, which takes
about a second.
"""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path

from harness.core.errors import BadInput

FOLDERS = {
    "scikit-image": ("skimage", "data"),
    "scikit-learn": ("sklearn", "datasets/data"),
}
"""Where a package keeps its data: the module, and the folder in it."""


def read_file(name: str, sha256: str) -> io.BytesIO:
    """The file `name` of scikit-image's data. Raises BadInput unless it is the one of `sha256`."""
    path, data = read_packaged("scikit-image", name)
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise BadInput(
            f"{path}: SHA-256 {digest[:8]}… instead of {sha256[:8]}…; damaged, or changed since "
            "scikit-image 0.26, so that numbers from it would not compare"
        )
    return io.BytesIO(data)


def read_packaged(package: str, name: str) -> tuple[Path, bytes]:
    """The path and the content of the file `name` of a package's data. Raises BadInput where it
    cannot be read.
    """
    module, folder = FOLDERS[package]
    spec = find_spec(module)
    path = Path(spec.origin if spec and spec.origin else module).parent / folder / name
    try:
        return path, path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); it comes with {package}: "
            f"pip install --force-reinstall {package}"
        ) from error
