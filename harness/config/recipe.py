"""Recipes: a model as a YAML file that names a family and configures it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.config.inheritance import inherit
from harness.config.shipped import shipped_files
from harness.config.validate import explain_validation, validate_document
from harness.config.yaml_files import Document, load_yaml
from harness.core.errors import BadInput, suggest


class Head(BaseModel):
    """What every recipe says, whatever its family. All other keys are the family's settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    family: str = Field(min_length=1)
    """A family's name, or `package.module:Class`; inherited through `extends`."""
    paper: str = ""
    description: str = ""
    extends: str | None = None
    """The recipe that this one differs from (`harness.config.inheritance`)."""
    ablation: bool = False
    """It is what it extends without a part, and ought to be no better."""

    @model_validator(mode="after")
    def _is_without_a_part_of_something(self) -> Self:
        if self.ablation and not self.extends:
            raise ValueError("ablation: true needs 'extends', the recipe that has the part")
        return self


@dataclass(frozen=True)
class Recipe:
    """A model, resolved: what it extends is merged in.

    `sources` are the files it was read from, its own first. `document` is the merged file, in which
    every setting keeps the file and line that it came from. `ablates` names the recipe that this
    one lacks a part of, if it does.
    """

    name: str
    family: str
    paper: str
    description: str
    settings: dict[str, Any]
    sources: tuple[Path, ...]
    document: Document
    ablates: str = ""

    def error(self, error: ValidationError, model: type[BaseModel] | None = None) -> BadInput:
        """Return the family's error about its settings, with the file and line of the setting.

        With the family's `Settings` as `model`, the error for an unknown key names the nearest
        right one.
        """
        return explain_validation(error, self.document, model)


def list_recipes() -> list[str]:
    """The names of the zoo, sorted."""
    return list(shipped_files("models"))


def load_recipe(name: str, folder: Path | None = None) -> Recipe:
    """A recipe of the zoo (`gan/dcgan`), or a file (`mine/wgan.yaml`) below `folder`.

    `folder` is the current one if not said. A file's `extends` names a recipe of the zoo or a file
    below its own folder. BadInput for an unknown name, SpecError for what is wrong in a file.
    """
    files, document = _resolve(_find(name, folder or Path()), ())
    head = validate_document(Head, document)
    settings = {key: value for key, value in document.value.items() if key not in Head.model_fields}
    written = load_yaml(files[0]).value  # a child of an ablation is none
    ablates = str(written["extends"]) if written.get("ablation") else ""
    return Recipe(
        name, head.family, head.paper, head.description, settings, files, document, ablates
    )


def _find(name: str, folder: Path) -> Path:
    if not name.endswith((".yaml", ".yml")):
        zoo = shipped_files("models")
        if name not in zoo:
            raise BadInput(f"unknown model {name!r}{suggest(name, zoo)}")
        return zoo[name]
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"model {name!r} leads out of the folder {folder.resolve()}")
    return path


def _resolve(path: Path, children: tuple[Path, ...]) -> tuple[tuple[Path, ...], Document]:
    """The files and the merged document of the recipe at `path`, which `children` extend."""
    document = load_yaml(path)
    parent = document.value.get("extends")
    if parent is None:
        return (path,), document
    if not isinstance(parent, str):
        raise document.error(f"extends: {parent!r}: should be the name of one recipe", ("extends",))
    try:
        above = _find(parent, path.parent)
    except BadInput as error:
        raise document.error(f"extends: {error}", ("extends",)) from None
    chain = (*children, path)
    if above.resolve() in [file.resolve() for file in chain]:
        names = " → ".join(file.stem for file in (*chain, above))
        raise document.error(f"extends: the recipe extends itself: {names}", ("extends",))
    files, inherited = _resolve(above, chain)
    return (path, *files), inherit(inherited, document)
