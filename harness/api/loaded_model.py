"""`harness.load_model`: the model of a finished run, to sample from and to pass images through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from harness.api.calls import user_call
from harness.api.images import image_set
from harness.api.options import SuiteKeywords, check_keywords, compute_options, store_options
from harness.api.suite_options import SuiteSource, load_source, suite_options
from harness.cell.stored_run import RunGenerator, StoredModel, load_stored_model
from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.data.imageset import size_text
from harness.data.pixels import to_float
from harness.evaluation.protocols import SAMPLING_BATCH
from harness.evaluation.reconstructions import BATCH
from harness.families.base import Family
from harness.families.capabilities import Decodes, Encodes, Reconstructs, Scores
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import RUN
from harness.plan import Plan
from harness.tracking import Record
from harness.training.numerics import Numerics, cores


def load_model(
    source: SuiteSource,
    model: str | None = None,
    seed: int | None = None,
    dataset: str | None = None,
    **changes: Unpack[SuiteKeywords],
) -> LoadedModel:
    """Loads a trained model from the tracking store.

    Args: source: `run:RUN_ID`, or the name or path of a suite. model: The suite's model, as
        `vae/vae`. seed: Its training seed. Default: the suite's first. dataset: The dataset that it
        was trained on. Default: the suite's only one. **changes: The changes that the suite was run
        with (see `harness.run`), `output`, `tracking_uri`, `data_root`, and the `device` to load it
        onto.

    Raises: BadInput: Where there is no such run, where it has no finished model, and where the
        suite has not been run with these changes.
    """
    with user_call():
        values = check_keywords(SuiteKeywords, changes, "load_model")
        compute = compute_options(values)
        numerics = Numerics.resolve(compute.device, threads=cores())
        if isinstance(source, str) and source.startswith(RUN):
            store, run_id = store_options(values).open_existing(), source.removeprefix(RUN)
        else:
            chosen = suite_options(source, values)
            plan, store, records = chosen.measured(load_source(source, chosen))
            run_id = _run_of_cell(plan, records, model, dataset, seed)
        return LoadedModel(load_stored_model(store, run_id, compute.data_root), numerics)


def _run_of_cell(
    plan: Plan,
    records: Mapping[str, Record],
    model: str | None,
    dataset: str | None,
    seed: int | None,
) -> str:
    """The run of the cell of this model, seed and dataset. Raises BadInput where none or several
    fit.
    """
    trained = [cell for cell in plan.cells if cell.training_key in records]
    place = None if dataset is None else str(parse_reference(dataset))
    wishes = {"model": model, "dataset": place, "seed": seed}
    for name, wish in wishes.items():
        values = list(dict.fromkeys(getattr(cell, name) for cell in trained))
        is_plain = wish is None and (len(values) == 1 or name == "seed")
        chosen = values[0] if is_plain else wish
        if chosen not in values:
            listed = ", ".join(map(str, values))
            text = f"say which {name}" if wish is None else f"no {name} {wish!r} in the store"
            raise BadInput(f"{plan.loaded.name}: {text}; there is {listed}")
        trained = [cell for cell in trained if getattr(cell, name) == chosen]
    return records[trained[0].training_key].run_id


class LoadedModel:
    """A trained model. `sample` and the other methods work where its family has them; `family` is
    the whole model, whose `networks` are PyTorch modules. Images are n×C×H×W.
    """

    def __init__(self, stored: StoredModel, numerics: Numerics) -> None:
        self.run_id = stored.run_id
        self.name = stored.name
        self.dataset = stored.dataset
        self.seed = stored.seed
        self.recipe = {"family": stored.family_name, **stored.recipe}
        self.family: Family = stored.family
        self.family.to(numerics.device)
        self.family.networks.eval()
        self._stored, self._numerics = stored, numerics

    def __repr__(self) -> str:
        return f"LoadedModel({self.name} on {self.dataset}, seed {self.seed}, run {self.run_id})"

    def generator(self) -> RunGenerator:
        """The model as a generator that samples are drawn of. Raises BadInput where it makes no
        images.
        """
        return RunGenerator(PretrainedSettings(source=RUN + self.run_id), self._stored)

    def sample(
        self,
        n: int | None = None,
        seed: int | None = None,
        labels: Sequence[int] | Tensor | None = None,
        captions: Sequence[str] | None = None,
    ) -> Tensor:
        """New images, float32 in [-1, 1]. With the default seed they are the suite's samples, with
        another seed another draw. A conditional model needs `labels` or `captions`, one for each
        image. Raises BadInput where the model makes no images, or does not take these conditions.
        """
        with user_call():
            model = self.generator()
            count, classes = self._asked(model, n, labels, captions)
            device = self._prepare()
            draws = generator(self.seed if seed is None else seed, "samples", device=device)
            parts = []
            for start in range(0, count, SAMPLING_BATCH):
                rows = slice(start, min(start + SAMPLING_BATCH, count))
                of_labels = None if classes is None else classes[rows].to(device)
                of_captions = None if captions is None else captions[rows]
                parts.append(model.draw(rows.stop - rows.start, draws, of_labels, of_captions))
            return torch.cat(parts).clone()

    def reconstruct(self, images: Any) -> Tensor:
        """The reconstructions of images (uint8, or float in [-1, 1]), float32 in [-1, 1]."""
        if not isinstance(self.family, Reconstructs):
            raise BadInput(f"{self.name} does not reconstruct images")
        return self._passed(self.family.reconstruct, images)

    def encode(self, images: Any) -> Tensor:
        """The codes of images, n×d."""
        if not isinstance(self.family, Encodes):
            raise BadInput(f"{self.name} does not encode images")
        return self._passed(self.family.encode, images)

    def decode(self, codes: Tensor) -> Tensor:
        """The images of codes n×d, float32 in [-1, 1]."""
        if not isinstance(self.family, Decodes):
            raise BadInput(f"{self.name} does not decode codes")
        return self._in_batches(self.family.decode, codes)

    def anomaly_scores(self, images: Any) -> Tensor:
        """How anomalous each image is, n values, higher for the more anomalous."""
        if not isinstance(self.family, Scores):
            raise BadInput(f"{self.name} does not score images")
        return self._passed(self.family.score, images)

    def _prepare(self) -> torch.device:
        """Sets how torch computes, and returns the device, with the model there."""
        device = self._numerics.apply()
        self.family.to(device)
        return device

    def _asked(
        self,
        model: RunGenerator,
        n: int | None,
        labels: Sequence[int] | Tensor | None,
        captions: Sequence[str] | None,
    ) -> tuple[int, Tensor | None]:
        """The number of images, and their labels. Raises BadInput where they do not fit the model
        or each other.
        """
        conditions = {"labels": labels, "captions": captions}
        for name, condition in conditions.items():
            if (model.condition == name) != (condition is not None):
                takes = f"takes {name}; give {name}=" if condition is None else f"takes no {name}"
                raise BadInput(f"{self.name} {takes}")
        of_images = [each for each in conditions.values() if each is not None]
        count = len(of_images[0]) if of_images else n
        if not count or count < 1 or n not in (None, count):
            raise BadInput(f"sample: n={n}: a number from 1 up is needed, one for each condition")
        return count, None if labels is None else torch.as_tensor(labels, dtype=torch.int64)

    def _passed(self, function: Callable[[Tensor], Tensor], images: Any) -> Tensor:
        """What a function of the model makes of images. Raises BadInput for another size."""
        pixels, shape = image_set(images, at_least=1).images, self.family.shape
        if pixels.shape[1:] != (shape.channels, shape.size, shape.size):
            needed = f"{shape.channels}×{shape.size}×{shape.size}"
            raise BadInput(f"{self.name} takes images of {needed}, not {size_text(pixels)} (C×H×W)")
        return self._in_batches(function, to_float(pixels))

    def _in_batches(self, function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """What a function of the model makes of inputs, in the batches of a suite."""
        with user_call(), torch.no_grad():
            device = self._prepare()
            return torch.cat([function(part.to(device)) for part in torch.split(inputs, BATCH)])
