"""Networks of the Hugging Face hub: their files on this machine, checked, and how they are read.

Once `locate_repository` has returned, nothing asks the network again.
"""

from __future__ import annotations

import importlib
import json
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.optional_packages import load_optional
from harness.networks import weight_files
from harness.networks.weight_files import LocalWeights, MissingWeights, first_line


@dataclass(frozen=True)
class Pin:
    """The commit of a repository, None for its main branch, and the file of weights in it with its
    SHA-256.
    """

    revision: str | None
    file: str
    sha256: str


PINS = {
    "facebook/dinov2-large": Pin(
        "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c",
        "model.safetensors",
        "399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
    ),
    "openai/clip-vit-base-patch32": Pin(
        "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        "pytorch_model.bin",
        "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    ),
    "openai/clip-vit-large-patch14": Pin(
        "32bd64288804d66eefd0ccbe215aa642df71cc41",
        "model.safetensors",
        "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    ),
    "openai/clip-vit-large-patch14-336": Pin(
        "ce19dc912ca5cd21c8a653c79e251e808ccabcd1",
        "pytorch_model.bin",
        "c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801",
    ),
}
"""The networks that are meant where a name says no other. Of any other repository, what is on its
main branch is taken, and the digest in the label is that of the file found.
"""

REPOSITORY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""What the hub allows; no name of this form leaves the folder that it is looked for in."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What weights are called, the preferred name first."""

SETTINGS = tuple(
    """
    config.json preprocessor_config.json tokenizer_config.json tokenizer.json
    special_tokens_map.json vocab.json merges.txt
""".split()
)
"""The small files beside them, of which a repository has some."""


def repository_name(name: str, default: str) -> str:
    """The repository behind `clip` (the default one) or `clip:NAME`. BadInput if NAME is none."""
    repository = name.partition(":")[2] or default
    if not REPOSITORY.fullmatch(repository):
        raise BadInput(f"{repository!r} in {name} does not name a repository, such as {default!r}")
    return repository


def locate_repository(
    name: str, repository: str, needed: tuple[str, ...], pin: Pin | None = None
) -> LocalWeights:
    """The weights of `repository` on this machine, in one folder with the files `needed`: the file
    of `pin`, or of `PINS` without one.

    Looked for in the folder `repository` below HARNESS_WEIGHTS, then in the hub's cache, and
    fetched into that cache. `name` is what error messages call it. MissingWeights where that fails,
    BadInput where the file is not the pinned one or transformers is not installed.
    """
    transformers(name)
    pin = pin or PINS.get(repository)
    names = (pin.file,) if pin else WEIGHTS
    user_folder = weight_files.own_folder()
    if user_folder and (user_folder / repository).is_dir():
        path = _complete(user_folder / repository, names, needed)
        reason = (
            f"{user_folder / repository} lacks {' or '.join(names)} or one of {', '.join(needed)}"
        )
    else:
        path, reason = _from_hub(repository, pin.revision if pin else None, names, needed)
    page = f"https://huggingface.co/{repository}" + (
        f"/tree/{pin.revision}" if pin and pin.revision else ""
    )
    if path is None:
        raise MissingWeights(
            f"the weights {names[0]} of {name} are not on this machine and cannot be fetched"
            f" ({reason}): put the files of {page} into $HARNESS_WEIGHTS/{repository}"
        )
    if pin:
        return weight_files.check_weights(path, pin.sha256, page)
    return LocalWeights(path, file_sha256(path), pinned=False)


def load_network(name: str, weights: LocalWeights, network_class: str, kind: str) -> Any:
    """The network in the folder of `weights`, float32, for inference.

    `network_class` is transformers' name for it, and `kind` the `model_type` that the folder's
    configuration must have. BadInput where the folder holds another network, or not all of it.
    """
    folder = weights.path.parent
    try:
        model_type = json.loads((folder / "config.json").read_text()).get("model_type")
        if model_type != kind:
            raise ValueError(
                f"its config.json describes a network of type {model_type}, not {kind}"
            )
        # transformers reads the format that it is told to, weights_only where it is a pickle, and
        # would by default compute in the precision that the file was stored in.
        with quiet(transformers(name)) as package:
            network, loading_info = getattr(package, network_class).from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=weights.path.suffix == ".safetensors",
                dtype=torch.float32,
                output_loading_info=True,
            )
        if loading_info["missing_keys"]:  # transformers would draw them at random
            raise ValueError(f"{weights.path.name} lacks {min(loading_info['missing_keys'])}")
    except _UNREADABLE as error:
        raise BadInput(f"{name} cannot be loaded from {folder}: {first_line(error)}") from error
    return network.requires_grad_(False).eval()


def load_preprocessor(name: str, weights: LocalWeights, reader: str) -> Any:
    """What transformers' class `reader` (a processor, a tokenizer) makes of the folder's files."""
    folder = weights.path.parent
    try:
        return getattr(transformers(name), reader).from_pretrained(folder, local_files_only=True)
    except _UNREADABLE as error:
        raise BadInput(f"{name} cannot be loaded from {folder}: {first_line(error)}") from error


def transformers(name: str) -> Any:
    """The package; BadInput with what to install where it is not there."""
    return load_optional("transformers", "transformers", name)


@contextmanager
def quiet(package: Any) -> Iterator[Any]:
    """transformers or diffusers without its progress bars and notes, as the report of tensors,
    which `load_network` checks.
    """
    logging = package.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield package
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    EOFError,
    SafetensorError,
    pickle.UnpicklingError,
)


def _complete(folder: Path, names: tuple[str, ...], needed: tuple[str, ...]) -> Path | None:
    """The weights in `folder`, if it has them under one of `names` and all that is `needed`."""
    if not all((folder / file).is_file() for file in needed):
        return None
    return next((folder / file for file in names if (folder / file).is_file()), None)


def _from_hub(
    repository: str, revision: str | None, names: tuple[str, ...], needed: tuple[str, ...]
) -> tuple[Path | None, str]:
    """The weights in the hub's cache, or the reason why they could not be brought there."""
    hub = importlib.import_module("huggingface_hub")
    reason = f"it has neither {' nor '.join(names)}"
    for offline in (True, False):  # what is there is taken as it is: no request, no surprise
        for file in names:
            try:
                folder = hub.snapshot_download(
                    repository,
                    revision=revision,
                    allow_patterns=[*SETTINGS, file],
                    local_files_only=offline,
                )
            except Exception as error:  # each version has the errors of another HTTP client
                reason = first_line(error)
                continue
            if path := _complete(Path(folder), names, needed):
                return path, ""
    return None, reason
