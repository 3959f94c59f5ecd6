"""Statistics of features in place of images: of shards, from several machines, kept in files.

A file says which images its statistics are of, and what they passed through, so that only what
belongs together is merged or compared. It holds tensors and text, and executes nothing when read.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TypeGuard

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from harness.config.json_files import parse_json
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.imageset import ImageSet, size_text
from harness.data.output_files import write_output
from harness.evaluation.protocols import NetworkInfo
from harness.extractors.inception import SPATIAL_LABEL
from harness.metrics import FeatureStatistics
from harness.metrics.statistics import Moments
from harness.scoring.known_statistics import known_statistics
from harness.scoring.moments import NAMES, SPATIAL_NAMES, is_moments, load_moments

SUFFIX = ".safetensors"
MOMENTS = ".npz"
_SAVE = "numpy.savez('statistics.npz', mu=s['mu'], sigma=s['sigma'])\""
_TORCH = "python -c \"import numpy, torch; s = torch.load('FILE', weights_only=False); " + _SAVE
_PICKLE = (
    "python -c \"import numpy, pickle; s = pickle.load(open('FILE', 'rb')); s = s.get('fid', s); "
    + _SAVE
)
CONVERSIONS = {".pt": _TORCH, ".pth": _TORCH, ".pkl": _PICKLE, ".pickle": _PICKLE}
"""The commands that turn pickled statistics into an `.npz`, by suffix: torch-fidelity's, EDM2's."""
KIND = "harness feature statistics, version 1"


@dataclass(frozen=True)
class Origin:
    """What statistics are of: the feature network with its preprocessing and what must be known of
    it, and the shape of the images (`3×32×32`); as a reference, the data, its digest and split, as
    in protocols. `described` says in a few words where they come from.
    """

    described: str
    extractor: str
    preprocessing: str
    caveat: str
    shape: str
    data: str
    digest: str
    split: str
    dtype: str = "float32"

    @classmethod
    def of(cls, images: ImageSet, network: NetworkInfo) -> Origin:
        """That of features of `images`."""
        dataset = images.dataset
        return cls(
            described=images.description,
            extractor=network.label,
            preprocessing=network.preprocessing,
            caveat=network.caveat or "",
            shape=size_text(images),
            data=dataset.name if dataset else images.description,
            digest=dataset.digest if dataset else images.digest,
            split=images.split or "reference",
        )

    def check_like(self, other: Origin) -> None:
        """Raise BadInput, naming the field, where features of the two are not of one kind."""
        for field in ("extractor", "preprocessing", "dtype", "shape"):
            one, another = getattr(self, field), getattr(other, field)
            if one != another:
                raise BadInput(
                    f"{field} differs: {one!r} of {self.described}, "
                    f"{another!r} of {other.described}"
                )


@dataclass(frozen=True, eq=False)
class SetStatistics:
    """The statistics of a set's features. `shards` are the digests of the images that they are of,
    set by set.
    """

    statistics: FeatureStatistics | Moments
    origin: Origin
    shards: tuple[str, ...]

    @property
    def count(self) -> int | None:
        """How many images they are of, where that is known."""
        return self.statistics.n if isinstance(self.statistics, FeatureStatistics) else None

    def through(self, other: SetStatistics) -> SetStatistics:
        """Returns the statistics as if they were of the network of `other`, where the file does not
        name one. Raises BadInput where it names another, and where the numbers of features differ.
        """
        if len(self.statistics.mean) != len(other.statistics.mean):
            raise BadInput(
                f"{self.origin.described} has {counted(len(self.statistics.mean), 'feature')}, "
                f"{other.origin.described} {len(other.statistics.mean)}: they are of two networks"
            )
        if self.count is not None:
            self.origin.check_like(other.origin)
            return self
        theirs = other.origin
        needed = self.origin.preprocessing
        if needed and theirs.preprocessing not in ("", needed):
            raise BadInput(
                f"preprocessing differs: {needed!r} of {self.origin.described}, "
                f"{theirs.preprocessing!r} of {theirs.described}"
            )
        taken = theirs.extractor or "one and the same network"
        note = f"{self.origin.described} does not say of which network: taken to be of {taken}"
        origin = replace(
            self.origin,
            extractor=theirs.extractor,
            preprocessing=theirs.preprocessing,
            shape=theirs.shape,
            dtype=theirs.dtype,
            caveat="; ".join(filter(None, (note, self.origin.caveat, theirs.caveat))),
        )
        return replace(self, origin=origin)

    @classmethod
    def of(cls, images: ImageSet, features: Tensor, network: NetworkInfo) -> SetStatistics:
        """Those of `images`, whose `features` n×d the network gave."""
        return cls(FeatureStatistics.of(features), Origin.of(images, network), (images.digest,))

    def merge(self, other: SetStatistics) -> SetStatistics:
        """Returns the statistics of both sets together. Raises BadInput where they are not of one
        kind, or overlap.
        """
        ours, theirs = self.origin, other.origin
        if not (
            isinstance(self.statistics, FeatureStatistics)
            and isinstance(other.statistics, FeatureStatistics)
        ):
            raise BadInput(
                f"{ours.described}, {theirs.described}: mu and sigma do not say of how many images "
                "they are, and cannot be merged"
            )
        ours.check_like(theirs)
        if twice := set(self.shards) & set(other.shards):
            raise BadInput(
                f"{ours.described} and {theirs.described} both have the images of digest "
                f"{min(twice)[:16]}, which must count once"
            )
        shards = tuple(sorted((*self.shards, *other.shards)))
        origin = replace(
            ours,
            described=f"{ours.described}, {theirs.described}",
            data=counted(len(shards), "shard"),
            digest=digest(list(shards)),
            split="reference",
        )
        return SetStatistics(self.statistics.merge(other.statistics), origin, shards)

    def save(self, file: Path) -> None:
        """To an output, as `harness.data.output_files.write_output` takes it: a `.safetensors` with
        all that is known, or an `.npz` of `mu` and `sigma` alone, as other programs read it.
        """
        if not isinstance(self.statistics, FeatureStatistics):
            raise BadInput(f"{self.origin.described}: mu and sigma do not say of how many images")
        if file.suffix.lower() == MOMENTS:
            moments = self.statistics
            arrays = io.BytesIO()
            np.savez(arrays, mu=moments.mean.numpy(), sigma=moments.covariance.numpy())
            write_output(file, arrays.getvalue())
            return
        text = {"kind": KIND, "shards": json.dumps(self.shards), **vars(self.origin)}
        write_output(file, save(load(self.statistics.to_bytes()), metadata=text))


def check_statistics_suffix(file: Path) -> None:
    """Raise BadInput where a file of statistics would not be known as such."""
    if file.suffix.lower() not in (SUFFIX, MOMENTS):
        raise BadInput(
            f"{file}: name a file of statistics with the suffix {SUFFIX}, or {MOMENTS} for mu and "
            "sigma alone"
        )


def is_statistics(where: str | ImageSet | None) -> TypeGuard[str]:
    """Whether a place names a file of statistics, pickled ones too, and not images alone."""
    if not isinstance(where, str):
        return False
    return Path(where).suffix.lower() in (SUFFIX, *CONVERSIONS) or is_moments(where)


def load_statistics(files: Sequence[str], spatial: bool = False) -> SetStatistics:
    """What `SetStatistics.save` wrote, merged, or `mu` and `sigma` of an `.npz`, where `spatial`
    its `mu_s` and `sigma_s`. BadInput for anything else.
    """
    return reduce(SetStatistics.merge, [_load(Path(file), spatial) for file in files])


def _load(file: Path, spatial: bool) -> SetStatistics:
    if conversion := CONVERSIONS.get(file.suffix.lower()):
        raise BadInput(
            f"{file} is a pickle, which could run code, and is not read: convert it where you trust"
            f" it, with {conversion.replace('FILE', str(file))}"
        )
    if is_moments(str(file)):
        return _read_moments(file, spatial)
    statistics = _read_shard(file)
    label = statistics.origin.extractor
    if spatial and not label.startswith(SPATIAL_LABEL):
        raise BadInput(
            f"{file} has statistics of {label}; sfid compares those of inception:spatial"
        )
    return statistics


def _read_moments(file: Path, spatial: bool) -> SetStatistics:
    moments, sha = load_moments(file, SPATIAL_NAMES if spatial else NAMES)
    described, published = f"statistics {file}", known_statistics(file)
    origin = Origin(described, "", "", "", "", described, sha, "reference")
    if published:
        origin = replace(origin, preprocessing=published.preprocessing, caveat=published.note)
    return SetStatistics(moments, origin, (sha,))


def _read_shard(file: Path) -> SetStatistics:
    try:
        statistics = FeatureStatistics.from_bytes(file.read_bytes())
        with safe_open(file, "pt") as opened:
            text = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise BadInput(f"{file}: cannot be read ({reason})") from error
    except BadInput as error:
        raise BadInput(f"{file}: {error}") from error
    if text.pop("kind", None) != KIND:
        raise BadInput(f"{file}: not written by `harness score --save-statistics`")
    scatter = statistics.scatter
    symmetric = bool((scatter - scatter.T).abs().max() <= 1e-9 * scatter.abs().max())
    try:
        shards = parse_json(text.pop("shards"))
        origin = Origin(**{**text, "described": f"statistics {file}"})
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file}: damaged; what it says of its images is incomplete") from error
    if not symmetric or bool((scatter.diagonal() < 0).any()) or not _texts(shards):
        raise BadInput(f"{file}: damaged; these are no statistics of images")
    return SetStatistics(statistics, origin, tuple(shards))


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, str) for x in value)
