"""A cell of a tracking store as a generator of images: `run:RUN_ID`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.cell.run_page import WEIGHTS
from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.scratch import scratch
from harness.data import load_dataset
from harness.families import FAMILIES
from harness.families.base import Family
from harness.families.capabilities import Samples, is_conditional, takes_texts
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.settings import Condition, PretrainedSettings
from harness.families.pretrained.source import RUN
from harness.plan.building import build_model
from harness.tracking import Store
from harness.training.checkpoint import load_weights
from harness.training.code_version import code_version, sampling_version


@dataclass(frozen=True)
class StoredModel:
    """The model of a finished cell with its weights: what the cell was, its family's name, the
    resolved recipe, and the SHA-256 of the weights.
    """

    run_id: str
    name: str
    dataset: str
    seed: int
    family_name: str
    recipe: Mapping[str, Any]
    family: Family
    sha256: str


def load_stored_model(store: Store, run_id: str, data_root: Path | None) -> StoredModel:
    """Builds the model of a run from its recipe and loads its weights. Raises BadInput where the
    store has no such run, its cell did not finish, or the weights are not what its training saved.
    """
    place = RUN + run_id
    tags = store.cell_tags(run_id)
    if tags.get("harness.status") != "trained":
        raise BadInput(f"{place} has no trained model; its cell did not finish")
    recipe = json.loads(_artifact(store, run_id, "recipe.json"))
    family_name, seed = recipe.pop("family"), int(tags["harness.seed"])
    dataset = load_dataset(tags["harness.dataset"], data_root)
    family = build_model(family_name, recipe, dataset, seed)
    with scratch(store.folder) as folder:
        weights = folder / "model.safetensors"
        weights.write_bytes(_artifact(store, run_id, WEIGHTS))
        sha256 = file_sha256(weights)
        if tags.get("harness.fact.weights_sha256", sha256) != sha256:
            raise BadInput(f"{place}: {WEIGHTS} is not what its training recorded")
        load_weights(family, weights)
    name = tags["harness.model"]
    return StoredModel(run_id, name, dataset.name, seed, family_name, recipe, family, sha256)


class RunGenerator(ImageGenerator):
    """The model of a finished cell as a generator. With the cell's seed it draws the same samples
    as the cell did.

    Raises BadInput where the model does not make images.
    """

    def __init__(self, settings: PretrainedSettings, stored: StoredModel) -> None:
        super().__init__(settings.source, settings)
        self._stored, self._family = stored, stored.family
        self.seed = stored.seed
        if not isinstance(self._family, Samples):
            raise BadInput(f"{self.name} is of {stored.name}, which makes no new images")
        if self._family.samples_at_once:
            raise BadInput(f"{self.name} is of {stored.name}, made of real images")

    @property
    def condition(self) -> Condition:
        """What the model of its recipe takes."""
        if is_conditional(self._family):
            return "labels"
        return "captions" if takes_texts(self._family) else "none"

    def content(self) -> Mapping[str, str]:
        """The digest of its weights, its recipe, and the versions of its code."""
        kind = FAMILIES.load(self._stored.family_name)
        return {
            "weights": self._stored.sha256,
            "family": self._stored.family_name,
            "recipe": json.dumps(dict(self._stored.recipe), sort_keys=True),
            "code": code_version(kind),
            "samplers": sampling_version(kind),
        }

    def load(self, device: torch.device) -> None:
        """Moves the networks there."""
        self._family.to(device)

    def call(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None,
        captions: Sequence[str] | None,
    ) -> object:
        """The family's samples."""
        family = self._family
        if labels is not None:
            made: Tensor = family.sample_labels(labels, generator)  # type: ignore[attr-defined]
        elif captions is not None:
            made = family.sample_texts(captions, generator)  # type: ignore[attr-defined]
        else:
            made = family.sample(count, generator)  # type: ignore[attr-defined]
        return made


def _artifact(store: Store, run_id: str, name: str) -> bytes:
    content = store.get(run_id, name)
    if content is None:
        raise BadInput(f"run:{run_id} has lost {name}; run its suite again")
    return content
