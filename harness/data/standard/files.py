"""The official files of a set: where they are, what they must be, and how they are had."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.core.errors import BadInput, error_text

ALGORITHMS = {64: "sha256", 32: "md5"}
"""By the length of a digest. torchvision pins MD5: nobody can make another file to a given one."""


@dataclass(frozen=True)
class Files:
    """Files in `folder` below the data root, where torchvision keeps them too.

    `sums` gives a SHA-256 or an MD5 for each name, or nothing where none was ever published.
    `download` puts all of them into `folder` below the path that it is given; without it a person
    has to get them from `home`.
    """

    title: str
    folder: Path
    sums: Mapping[str, str]
    download: Callable[[Path], object] | None = None
    home: str = ""

    def identity(self, root: Path) -> dict[str, object]:
        """What names the content: the digests, else size and time of change, of each file."""
        return {name: pin or _stamp(self._found(root, name)) for name, pin in self.sums.items()}

    def pins(self, root: Path) -> dict[Path, str]:
        """The path of each file below `root`, with its digest."""
        return {root / self.folder / name: pin for name, pin in self.sums.items()}

    def without(self, name: str) -> Files:
        """All but one of them."""
        return replace(self, sums={other: pin for other, pin in self.sums.items() if other != name})

    def provide(self, root: Path) -> Path:
        """The folder of the files, downloaded where they are missing and checked in any case.

        Raises BadInput, naming the file, for one that cannot be had or is not the official one.
        """
        folder = root / self.folder
        if self.download and any(not (folder / name).is_file() for name in self.sums):
            self._download(root, self.download)
        for name, pin in self.sums.items():
            check_digest(self._found(root, name), pin)
        return folder

    def _found(self, root: Path, name: str) -> Path:
        path = root / self.folder / name
        if not path.is_file():
            source = f"get it from {self.home} or " if self.home else ""
            raise BadInput(
                f"{path}: this file of {self.title} is missing; {source}name the folder that holds "
                f"{self.folder / name} with --data-root or HARNESS_DATA"
            )
        return path

    def _download(self, root: Path, download: Callable[[Path], object]) -> None:
        """Download beside the final place and move file by file, so that none is half there."""
        is_new = not root.exists()
        folder = root / self.folder
        try:
            root.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=root, prefix=".download-") as aside:
                download(Path(aside))
                folder.mkdir(parents=True, exist_ok=True)
                for name in self.sums:
                    (Path(aside) / self.folder / name).replace(folder / name)
        except (OSError, RuntimeError) as error:  # URLError is an OSError
            if is_new:
                with contextlib.suppress(OSError):  # another process may have filled it
                    root.rmdir()
            missing = next(
                (n for n in self.sums if not (folder / n).is_file()), next(iter(self.sums))
            )
            raise BadInput(
                f"{folder / missing}: this file of {self.title} is missing and cannot be "
                f"downloaded ({error_text(error)}); name the folder that holds "
                f"{self.folder / missing} with --data-root or HARNESS_DATA"
            ) from error


def downloader(folder: Path, resources: Mapping[str, tuple[str, str]]) -> Callable[[Path], None]:
    """A download for `Files`: name → (address, MD5), each put into `folder` as it is."""

    def download(aside: Path) -> None:
        from torchvision.datasets.utils import download_url  # noqa: PLC0415 - takes a second

        for name, (address, md5) in resources.items():
            download_url(address, aside / folder, name, md5)

    return download


def by_torchvision(kind: str) -> Callable[[Path], None]:
    """A download for `Files`, by torchvision's dataset of that name."""

    def download(aside: Path) -> None:
        from torchvision import datasets  # noqa: PLC0415 - takes a second

        getattr(datasets, kind)(aside, download=True)

    return download


def check_digest(path: Path, pin: str) -> None:
    """Raise BadInput where the digest of a file is not `pin`; without one nothing is known."""
    if not pin:
        return
    algorithm = ALGORITHMS[len(pin)]
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    if actual != pin:
        kind = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise BadInput(
            f"{path}: cut short or corrupt ({path.stat().st_size:,} bytes, {kind} {actual[:8]}…, "
            f"the official file has {pin[:8]}…); delete it and run again to download it"
        )


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
