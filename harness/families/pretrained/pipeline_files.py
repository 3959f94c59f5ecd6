"""The files of a diffusers pipeline, in a folder or fetched from the Hugging Face hub, and checks
for code and pickles among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.config.json_files import parse_json
from harness.core.errors import BadInput, error_text
from harness.core.files import file_sha256
from harness.core.optional_packages import load_optional
from harness.families.pretrained.settings import PretrainedSettings

HUB = "hf:"
INDEX = "model_index.json"
REPOSITORY = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@([\w./-]+))?")
"""A repository, and after @ a commit, a tag or a branch of it."""
TEXTS = (".json", ".txt", ".model")
WEIGHTS = ".safetensors"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack")
VARIANTS = ("*.fp16.*", "*.bf16.*", "*.non_ema.*", "*.ema.*")
"""Second copies of weights, which are not read."""
LIBRARIES = ("diffusers", "transformers")


def read_index(folder: Path, name: str) -> dict[str, Any]:
    """The `model_index.json` of a pipeline. Raises BadInput where it is none."""
    try:
        index = parse_json((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{name}: {INDEX} cannot be read ({error_text(error)})") from error
    if not isinstance(index, dict) or "_class_name" not in index:
        raise BadInput(f"{name}: {INDEX} is not of a diffusers pipeline")
    return index


def check_code(index: Mapping[str, Any], settings: PretrainedSettings, pipelines: Any) -> None:
    """Raise BadInput where a pipeline, or a part of it, is code of its repository or of another
    package than diffusers and transformers, unless such code may run.
    """
    if settings.trust_remote_code:
        return
    untrusted = [] if isinstance(index["_class_name"], str) else ["the pipeline"]
    for part, value in _parts(index):
        library = value[0] if value else None
        if library not in LIBRARIES and not (
            isinstance(library, str) and library.isidentifier() and hasattr(pipelines, library)
        ):
            untrusted.append(part)
    if untrusted:
        raise BadInput(
            f"{settings.source}: {', '.join(untrusted)} would run code that comes with the "
            "model; read it, and say --trust-remote-code (in a recipe, trust_remote_code: true) if "
            "it may run"
        )


def check_safetensors(folder: Path, index: Mapping[str, Any], name: str) -> None:
    """Raise BadInput where a part has its weights as a pickle alone."""
    for part, _ in _parts(index):
        files = [path for path in (folder / part).glob("*") if path.is_file()]
        pickled = sorted(path.name for path in files if path.suffix in PICKLED)
        if pickled and not any(path.suffix == WEIGHTS for path in files):
            raise BadInput(
                f"{name}: {part}/{pickled[0]} is a pickle, which could run code, and is not read: "
                "save the pipeline once with pipeline.save_pretrained(FOLDER), as safetensors"
            )


def file_digests_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that a pipeline may read, by its path in the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in files
        if path.suffix in (*TEXTS, WEIGHTS, ".py")
        and not any(path.match(variant) for variant in VARIANTS)
    }


def fetch_pipeline(settings: PretrainedSettings) -> Path:
    """The folder of a pipeline of the hub, in the hub's cache. What the cache has is not fetched
    again.

    Raises BadInput where there is no such pipeline, where it is gated, and without a network.
    """
    name = settings.source
    patterns = [f"*{suffix}" for suffix in (*TEXTS, WEIGHTS)]
    patterns += ["*.py"] * settings.trust_remote_code
    folder = fetch_snapshot(name, patterns, lambda folder: _is_complete(folder, name))
    if _is_complete(folder, name):
        return folder
    raise BadInput(f"{name} is no diffusers pipeline with weights as safetensors")


def fetch_snapshot(
    name: str, patterns: Sequence[str], is_complete: Callable[[Path], object]
) -> Path:
    """The folder of a repository `hf:OWNER/NAME`, with the files of these patterns, in the hub's
    cache. It is fetched where the cache has none that is complete. Raises BadInput as
    `fetch_pipeline`.
    """
    match = REPOSITORY.fullmatch(name.removeprefix(HUB))
    if match is None:
        raise BadInput(f"{name}: hf:OWNER/NAME is needed, or hf:OWNER/NAME@REVISION")
    hub = load_optional("huggingface_hub", "diffusers", name)
    for offline in (True, False):
        try:
            folder = Path(
                hub.snapshot_download(
                    match[1],
                    revision=match[2],
                    allow_patterns=list(patterns),
                    ignore_patterns=list(VARIANTS),
                    local_files_only=offline,
                )
            )
        except Exception as error:  # each version has the errors of another HTTP client
            if offline:
                continue
            raise BadInput(f"{name} {_reason(error, match[1])}") from error
        if is_complete(folder):
            break
    return folder


def _reason(error: Exception, repository: str) -> str:
    """Why a repository cannot be fetched, and what can be done."""
    page = f"https://huggingface.co/{repository}"
    kind, first = type(error).__name__, str(error).partition("\n")[0]
    if kind == "GatedRepoError":
        return f"is gated: accept its terms at {page}, and log in with `hf auth login`"
    if kind in ("RepositoryNotFoundError", "RevisionNotFoundError"):
        return f"is not on the hub, or is private: see {page}"
    return f"is not on this machine and cannot be fetched ({kind}: {first[:200]})"


def _is_complete(folder: Path, name: str) -> bool:
    if not (folder / INDEX).is_file():
        return False
    return all((folder / part).is_dir() for part, _ in _parts(read_index(folder, name)))


def _parts(index: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yields the name of each part that the pipeline has, with its library and class."""
    for part, value in index.items():
        if not part.startswith("_") and isinstance(value, list) and value != [None, None]:
            yield part, value
