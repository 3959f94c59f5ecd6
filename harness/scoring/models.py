"""Opens models that `harness score` draws samples of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.cell.stored_run import RunGenerator, load_stored_model
from harness.core.errors import BadInput
from harness.core.user_code import TARGET, look_in, source
from harness.data.imageset import SPLITS
from harness.data.load import DATASETS
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.pipeline_files import HUB, INDEX
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import FILES, PICKLES, RUN, open_generator
from harness.tracking import Store


def is_model(place: str) -> bool:
    """Whether a place names a model and not images; no file is read. A text in the form of a
    dataset's split names images, unless the current folder has a module of that name.
    """
    path = Path(place)
    if path.suffix.lower() in (*PICKLES, *FILES) or (path / INDEX).is_file():
        return True
    if place.startswith(RUN):
        return True
    if place.startswith(HUB):
        return "[" not in place and place.rpartition(":")[2] not in SPLITS
    if path.exists() or not TARGET.fullmatch(place):
        return False
    module, _, attribute = place.partition(":")
    is_split = attribute in SPLITS or module in DATASETS
    return not is_split or source(module, [str(Path.cwd())]) is not None


def open_model(
    place: str,
    settings: Mapping[str, Any],
    open_store: Callable[[], Store],
    data_root: Path | None = None,
) -> ImageGenerator:
    """The model at a place: a file or folder anywhere, code that is installed or in the current
    folder, or a run of the store. Raises BadInput where it cannot be opened.
    """
    checked = check_settings(place, {"source": source_of(place), **settings})
    if place.startswith(RUN):
        run_id = place.removeprefix(RUN)
        return RunGenerator(checked, load_stored_model(open_store(), run_id, data_root))
    model = open_generator(checked)
    model.name = place
    return model


def source_of(place: str) -> str:
    """The name of the model at a place as a recipe beside it would say it. The user's code is then
    looked for where the file or folder is, else in the current folder.
    """
    path = Path(place)
    look_in(path.resolve().parent if path.exists() else Path.cwd())
    return path.resolve().name if path.exists() else place


def check_settings(name: str, settings: Mapping[str, Any]) -> PretrainedSettings:
    """The settings of the model of this name. Raises BadInput for the first that is wrong."""
    try:
        return PretrainedSettings.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{name}: {first['loc'][0]}: {first['msg']}") from error
