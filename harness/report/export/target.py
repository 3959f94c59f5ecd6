"""Where an export is written: a folder or a zip file, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import psutil

import harness
from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.data.output_files import OTHER_FORMATS, STDOUT, check_outputs, write_output
from harness.report.archive import RECORD
from harness.report.export.contents import MARKER, SUMS, checksums

ZIP = ".zip"
ARCHIVES = OTHER_FORMATS | {".7z", ".bz2", ".gz", ".json", ".rar", ".tar", ".tgz", ".xz"}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip, so that the same export is the same bytes."""
SCRIPT = "rerun.sh"


def check_target(target: Path, *inputs: Path) -> None:
    """Raise BadInput before any work where an export could not be written to `target`: what is
    there is no earlier export or was changed since, there is no folder around it, or it is a place
    where it does not belong: an input of the command, published reports, the harness's own files.
    """
    is_zip = _is_zip(target)
    if target == STDOUT:
        raise BadInput(f"{target}: an export is many files; name a folder, or a file in {ZIP}")
    if target.is_symlink():
        raise BadInput(f"{target}: a link; name the place itself")
    if not target.parent.is_dir():
        raise BadInput(f"{target}: cannot be written; there is no folder {target.parent}")
    _check_place(target, inputs)
    if is_zip:
        if target.exists() and not _is_zipped_export(target):
            raise _taken(target)
        check_outputs([target])
    elif not target.exists():
        if not os.access(target.parent, os.W_OK):
            raise BadInput(f"{target}: cannot be written (Permission denied)")
    elif not target.is_dir() or (any(target.iterdir()) and not (target / MARKER).is_file()):
        raise _taken(target)
    else:
        _check_unchanged(target)


def write_export(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files to `target`, a folder, or a zip file by its suffix. Everything is written
    beside it first, and takes its name, and the place of an earlier export, at once. Raises
    BadInput where it cannot be written, TryLater where the disk is full.
    """
    if _is_zip(target):
        write_output(target, _zipped(files, target.stem))
        return
    _sweep(target)
    aside = target.with_name(f"{_prefix(target)}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        for place, content in files.items():
            file = aside / place
            file.parent.mkdir(parents=True, exist_ok=True)
            write_output(file, content)
        (aside / SCRIPT).chmod(0o755)
        _replace(aside, target)
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_zip(target: Path) -> bool:
    suffix = target.suffix.lower()
    if suffix != ZIP and suffix in ARCHIVES and not target.is_dir():
        raise BadInput(f"{target}: an export is a folder, or a file whose name ends in {ZIP}")
    return suffix == ZIP and not target.is_dir()


def _taken(target: Path) -> BadInput:
    return BadInput(f"{target}: is there, and is no earlier export; name another place")


def _check_unchanged(target: Path) -> None:
    """Raise BadInput where an earlier export has files that it did not write, or that were changed:
    they would be lost.
    """
    if not any(target.iterdir()):
        return
    paths = [path for path in sorted(target.rglob("*")) if path.is_file() or path.is_symlink()]
    content = {path.relative_to(target).as_posix(): path for path in paths}
    sums = content.pop(SUMS, None)
    listed = set(sums.read_text(encoding="utf-8").splitlines()) if sums else set()
    for name, path in content.items():
        if path.is_symlink() or _sum_line(name, path) not in listed:
            raise BadInput(
                f"{target}: an earlier export in which {name} was added or changed since; move it "
                "away, or name another place"
            )


def _sum_line(name: str, path: Path) -> str:
    line = checksums({name: b""}).removesuffix("\n")
    empty = checksums({"": b""})[:64]
    return line.replace(empty, file_sha256(path), 1)


def _is_zipped_export(target: Path) -> bool:
    """Whether it is a zip with the marker of an export in its one folder."""
    try:
        with zipfile.ZipFile(target) as archive:
            names = [name for name in archive.namelist() if name.count("/") == 1]
            marker = next((name for name in names if name.endswith(f"/{MARKER}")), "")
            return bool(marker) and "suite" in json.loads(archive.read(marker))
    except (OSError, zipfile.BadZipFile, ValueError, TypeError, RuntimeError):
        return False


def _check_place(target: Path, inputs: tuple[Path, ...]) -> None:
    place = Path(os.path.realpath(target))
    for folder in inputs:
        read = Path(os.path.realpath(folder))
        if place == read or place.is_relative_to(read) or read.is_relative_to(place):
            raise BadInput(f"{target}: {folder} is read by this command; name another place")
    if Path.cwd().resolve().is_relative_to(place):
        raise BadInput(f"{target}: is the current folder, or around it; name another place")
    if any(folder.joinpath(RECORD).is_file() for folder in _beside(place)):
        raise BadInput(f"{target}: in a folder of reports; name another place")
    if (tracked := _tracked_folder(place)) is not None:
        raise BadInput(
            f"{target}: in {tracked}, which is part of the harness's own repository; name a place "
            "elsewhere"
        )


def _beside(place: Path) -> list[Path]:
    """The folder around a place, and those that lie in it beside the place."""
    return [place.parent, *(p for p in place.parent.iterdir() if p.is_dir() and p != place)]


def _tracked_folder(place: Path) -> Path | None:
    """The folder of the harness's own checkout that a place is in and git tracks; None where it is
    in none.
    """
    root = Path(harness.__file__).resolve().parent.parent
    if not (root / ".git").exists() or not place.is_relative_to(root) or place.parent == root:
        return None
    top = place.relative_to(root).parts[0]
    try:
        command = ["git", "-C", str(root), "ls-files", "--", top]
        listed = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return root / top if listed else None


def _zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """A zip of the files in one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{place}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if place == SCRIPT else 0o100644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _prefix(target: Path) -> str:
    return f".{target.name[:100]}.part-"


def _replace(aside: Path, target: Path) -> None:
    """Give the folder `aside` the name `target`; what has that name is removed after it. Where the
    new name fails, the old folder has its name again.
    """
    if not target.exists():
        aside.rename(target)
        return
    aside.chmod(target.stat().st_mode)
    earlier = aside.with_name(f"{aside.name}-earlier")
    target.rename(earlier)
    try:
        aside.rename(target)
    except OSError:
        earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what killed exports to this place have left beside it. The earlier export that one of
    them had put aside gets its name back, where nothing has it.
    """
    for leftover in sorted(target.parent.glob(f"{_prefix(target)}*")):
        process = leftover.name.removeprefix(_prefix(target)).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            if leftover.name.endswith("-earlier") and not target.exists():
                leftover.rename(target)
            else:
                shutil.rmtree(leftover, ignore_errors=True)
