"""Samples of a model, and what feature networks make of them and of real images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.data.frames import unfold
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import SAMPLING_BATCH, TIMING_BATCH, TIMING_REPEATS
from harness.evaluation.requirements import Candidate, Requirement, of_model, require
from harness.evaluation.specs import evidence
from harness.extractors.base import Extracted
from harness.families.capabilities import is_conditional, takes_texts
from harness.metrics.base import Caveat
from harness.safety.filters import load_filter
from harness.training.clock import clock

REDRAWS = 10
"""How often samples that a safety filter drops are drawn again."""


@evidence(requires=("samples",))
def samples(e: Evidence) -> Tensor:
    """New images, drawn from the generator that every model of this seed is given."""
    # The first draw has the name that it had before there were others: its numbers stay.
    name = ("samples", e.draw) if e.draw else ("samples",)
    draws = generator(e.seed, *name, device=e.device)
    made = _drawn(e, draws, torch.arange(e.setup.samples))
    return _filtered(e, draws, made) if e.setup.safety_filter else made


def _filtered(e: Evidence, draws: torch.Generator, made: Tensor) -> Tensor:
    """The samples as the suite's safety filter shows them; what it drops is drawn again."""
    apply_filter = load_filter(e.setup.safety_filter)
    shown, dropped = apply_filter(made)
    first = int(dropped.sum())
    for _ in range(REDRAWS):
        if not len(rows := dropped.nonzero()[:, 0]):
            break
        shown[rows], dropped[rows] = apply_filter(_drawn(e, draws, rows))
    if remaining := int(dropped.sum()):
        raise BadInput(
            f"{e.setup.safety_filter} drops {remaining:,} of {len(made):,} samples however often "
            f"they are drawn ({1 + REDRAWS} times)"
        )
    if first:
        warnings.warn(
            f"{e.setup.safety_filter} dropped {first:,} of {len(made):,} samples, which were drawn "
            "again",
            Caveat,
            stacklevel=2,
        )
    return shown


def _drawn(e: Evidence, draws: torch.Generator, rows: Tensor) -> Tensor:
    """Images of the classes and texts that are asked for in these rows."""
    return e.on_scale(torch.cat(list(_batches_drawn(e, draws, rows))), "sample")


def _batches_drawn(e: Evidence, draws: torch.Generator, rows: Tensor) -> Iterator[Tensor]:
    labels = e["sample_labels"][rows].to(e.device) if is_conditional(e.model) else None
    texts = [e["texts"][row] for row in rows.tolist()] if takes_texts(e.model) else None
    batch = len(rows) if e.model.samples_at_once else SAMPLING_BATCH
    with torch.inference_mode():
        for start in range(0, len(rows), batch):
            stop = min(start + batch, len(rows))
            if labels is not None:
                yield e.stored(e.model.sample_labels(labels[start:stop], draws))
            elif texts is not None:
                yield e.stored(e.model.sample_texts(texts[start:stop], draws))
            else:
                yield e.stored(e.model.sample(stop - start, draws))


@of_model
def _not_conditional(candidate: Candidate) -> str | None:
    model = candidate.model
    return None if is_conditional(candidate.family) else f"{model} is not asked for classes"


require(Requirement("conditional", _not_conditional))


@evidence(requires=("conditional", "reference"))
def sample_labels(e: Evidence) -> Tensor:
    """Returns the class that each sample is asked to be of, int64 n: the test images' classes in
    random order, repeated, so that classes are as frequent as there.
    """
    labels: Tensor = e["reference_labels"]
    return labels[repeated_rows(len(labels), e.setup.samples, e.seed, "labels")]


def repeated_rows(available: int, count: int, seed: int, name: str) -> Tensor:
    """`count` rows of the `available` ones in a random order, from the first again where they are
    too few, int64. The order is that of `seed` for what is called `name`.
    """
    order = torch.randperm(available, generator=generator(seed, name))
    return order[torch.arange(count) % available]


@evidence(requires=("samples", "costs"), timed=True)
def sampling_seconds_per_image(e: Evidence) -> Tensor:
    """Seconds per image, one value a repeat; see `harness.training.clock`."""
    draws = generator(e.seed, "timing", device=e.device)
    now, seconds = clock(e.device), []
    with torch.inference_mode():
        for number in range(1 + TIMING_REPEATS):
            model = e.unchecked_model if number else e.model  # the first is not counted
            started = now()
            e.stored(model.sample(TIMING_BATCH, draws))
            seconds.append((now() - started) / TIMING_BATCH)
    return torch.tensor(seconds[1:], dtype=torch.float64)


# One pass of the extractor for each set of images, however many metrics ask for it. Of videos each
# frame is an image.


@evidence(requires=("samples",), role="extractor", framewise=True)
def sample_pass(e: Evidence) -> Extracted:
    """All that the extractor says of the samples."""
    return e.extractor().extract(_frames(e, "samples"))


@evidence(requires=("reference",), role="extractor", framewise=True)
def reference_pass(e: Evidence) -> Extracted:
    """All that the extractor says of the test images (of the classes seen in training)."""
    return e.real(e.extractor(), "reference_images")


@evidence(requires=("train",), role="extractor", framewise=True)
def train_pass(e: Evidence) -> Extracted:
    """All that the extractor says of the training images."""
    return e.real(e.extractor(), "train_images")


@evidence(requires=("samples",), role="extractor", framewise=True)
def sample_features(e: Evidence) -> Tensor:
    """Pooled features of the samples, n×d."""
    return _pooled(e["sample_pass"])


@evidence(requires=("reference",), role="extractor", framewise=True)
def reference_features(e: Evidence) -> Tensor:
    """Pooled features of the test images, n×d."""
    return _pooled(e["reference_pass"])


@evidence(requires=("train",), role="extractor", framewise=True)
def train_features(e: Evidence) -> Tensor:
    """Pooled features of the training images, n×d."""
    return _pooled(e["train_pass"])


@evidence(requires=("samples", "logits"), role="extractor", framewise=True)
def sample_logits(e: Evidence) -> Tensor:
    """Class logits of the samples, n×classes."""
    return logits_of(e["sample_pass"], e)


@evidence(requires=("reference", "logits"), role="extractor", framewise=True)
def reference_logits(e: Evidence) -> Tensor:
    """Class logits of the test images, n×classes."""
    return logits_of(e["reference_pass"], e)


@evidence(requires=("samples",), role="clip", framewise=True)
def sample_clip_features(e: Evidence) -> Tensor:
    """CLIP's embeddings of the samples, n×d."""
    return e.clip().extract(_frames(e, "samples")).pooled


@evidence(requires=("reference",), role="clip", framewise=True)
def reference_clip_features(e: Evidence) -> Tensor:
    """CLIP's embeddings of the test images, n×d."""
    return e.real(e.clip(), "reference_images").pooled


def _frames(e: Evidence, name: str) -> Tensor:
    return unfold(e[name], e.setup.frames)


def _pooled(extracted: Extracted) -> Tensor:
    return extracted.pooled


def logits_of(extracted: Extracted, e: Evidence) -> Tensor:
    """The class logits N×classes of one pass. Raises BadInput where the extractor has none."""
    if extracted.logits is None:
        raise BadInput(f"extractor {e.network_name('extractor')!r} has no class logits")
    return extracted.logits
