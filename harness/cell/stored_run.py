"""A cell of a tracking store as a generator of images: `run:RUN_ID`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from harness.cell.training import WEIGHTS
from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.scratch import scratch
from harness.data import load_dataset
from harness.families import FAMILIES
from harness.families.capabilities import Samples, is_conditional, takes_texts
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.settings import Condition, PretrainedSettings
from harness.families.pretrained.source import RUN
from harness.plan.building import build_model
from harness.tracking import Store
from harness.training.checkpoint import load_weights
from harness.training.code_version import code_version, sampling_version


class RunGenerator(ImageGenerator):
    """The model of a finished cell: built from its recipe for its dataset, with its weights. Its
    samples are those of the cell, where they are drawn with the cell's seed.

    Raises BadInput where the store has no such run, or the run has no model that makes images.
    """

    def __init__(self, settings: PretrainedSettings, store: Store, data_root: Path | None) -> None:
        super().__init__(settings.source, settings)
        run_id = settings.source.removeprefix(RUN)
        tags = store.cell_tags(run_id)
        if tags.get("harness.status") != "trained":
            raise BadInput(f"{self.name} has no trained model; its cell did not finish")
        recipe = json.loads(_artifact(store, run_id, "recipe.json"))
        self._family_name = recipe.pop("family")
        self._recipe = recipe
        self.seed = int(tags["harness.seed"])
        dataset = load_dataset(tags["harness.dataset"], data_root)
        self._family = build_model(self._family_name, recipe, dataset, self.seed)
        if not isinstance(self._family, Samples):
            raise BadInput(f"{self.name} is of {tags['harness.model']}, which makes no new images")
        if self._family.samples_at_once:
            raise BadInput(f"{self.name} is of {tags['harness.model']}, made of real images")
        with scratch(store.folder) as folder:
            weights = folder / "model.safetensors"
            weights.write_bytes(_artifact(store, run_id, WEIGHTS))
            self._sha256 = file_sha256(weights)
            if tags.get("harness.fact.weights_sha256", self._sha256) != self._sha256:
                raise BadInput(f"{self.name}: {WEIGHTS} is not what its training recorded")
            load_weights(self._family, weights)

    @property
    def condition(self) -> Condition:
        """What the model of its recipe takes."""
        if is_conditional(self._family):
            return "labels"
        return "captions" if takes_texts(self._family) else "none"

    def content(self) -> Mapping[str, str]:
        """The digest of its weights, its recipe, and the versions of its code."""
        kind = FAMILIES.load(self._family_name)
        return {
            "weights": self._sha256,
            "family": self._family_name,
            "recipe": json.dumps(self._recipe, sort_keys=True),
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
