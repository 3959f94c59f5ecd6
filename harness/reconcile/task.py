"""The whole task: opens both sides, builds the default protocol, and searches around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.image_files import ImageResize
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import ImageSet, open_images, open_pairs, size_text
from harness.evaluation.specs import Role
from harness.metrics import load_metric
from harness.plan.setup import load_checked
from harness.reconcile.alternatives import SearchSpace, list_deviations, other_networks
from harness.reconcile.claimed_number import ClaimedNumber
from harness.reconcile.estimators import estimators_of
from harness.reconcile.evaluator import Evaluator
from harness.reconcile.preparation import CENTRE, STORED, PreparedImage
from harness.reconcile.prepared_images import PreparedImages
from harness.reconcile.protocol import ScoringProtocol
from harness.reconcile.search import (
    Progress,
    ProtocolReader,
    Search,
    SearchLimits,
    search_protocols,
)
from harness.reconcile.sources import ReferenceSource, reference_sources
from harness.scoring.selection import NATURAL
from harness.training.numerics import Numerics

OF_PIXELS = ("psnr", "ssim", "ms_ssim", "mse", "mae")
"""The metrics that pass images through no network."""
DEFAULT_FILTER = "bicubic"


@dataclass(frozen=True)
class ReconcileTask:
    """Samples, the references that they may have been compared with (the first is the default), and
    the claimed number. `network` is the default protocol's, None for the dataset's; `networks` are
    further ones to try.
    """

    samples: str
    references: Sequence[str]
    claim: ClaimedNumber
    numerics: Numerics
    network: str | None = None
    networks: Sequence[str] = ()
    resize: ImageResize | None = None
    root: Path | None = None
    limits: SearchLimits = field(default_factory=SearchLimits)

    def run(self, progress: Progress = lambda _: None) -> Search:
        """Searches. Raises BadInput for sets that cannot be read or compared, for unknown networks
        and for weights that are missing.
        """
        self.numerics.apply()
        samples = open_images(self.samples, self._opening(self.resize.size if self.resize else 0))
        shape = _, height, width = samples.shape[1:]
        size = height if height == width else 0
        sources = reference_sources(self.references, self.claim, self._opening(size))
        image_sets = self._open(sources, samples, size)
        first = next(iter(sources.values()))
        role, network = self._network(first, image_sets, samples)
        if self.claim.is_of_pairs:
            open_pairs(self.samples, first.places[0], self._opening(size))
        if network:
            load_checked(role, network, shape)
        space = SearchSpace(
            claim=self.claim,
            sources=tuple(sources),
            samples=len(samples),
            reference=sum(len(image_sets[place]) for place in first.places),
            networks=other_networks(role, network, self.networks, shape) if network else (),
            is_resized=any(images.resized_from for images in (samples, *image_sets.values())),
            is_square=bool(size),
        )
        images = PreparedImages(size, self.root, self.numerics.device)
        evaluator = Evaluator(self.claim, self.samples, sources, images)
        default = self._default(first, network)
        reader = ProtocolReader(evaluator.read, default, self.claim, self.limits, progress)
        return search_protocols(reader, list_deviations(default, space))

    def _open(
        self, sources: Mapping[str, ReferenceSource], samples: ImageSet, size: int
    ) -> dict[str, ImageSet]:
        """The sets of images of all sources by place, pixels not yet read. Raises BadInput where
        one cannot be read or compared.
        """
        places = [place for source in sources.values() for place in source.places]
        opening = self._opening(size)
        return {place: _like(open_images(place, opening), samples) for place in places}

    def _default(self, source: ReferenceSource, network: str) -> ScoringProtocol:
        return ScoringProtocol(
            reference=source.name,
            crop=CENTRE,
            resize=self.resize.how if self.resize else DEFAULT_FILTER,
            encoding=STORED,
            network=network,
            estimator=next(iter(estimators_of(self.claim.metric))),
        )

    def _opening(self, size: int) -> OpenOptions:
        """How sets are opened by the default protocol: at `size` pixels a side, if it is not 0."""
        how = self.resize.how if self.resize else DEFAULT_FILTER
        return OpenOptions(self.root, PreparedImage(size, f"{CENTRE}|{how}") if size else None)

    def _network(
        self, source: ReferenceSource, image_sets: Mapping[str, ImageSet], samples: ImageSet
    ) -> tuple[Role, str]:
        """The network of the default protocol, with its role; "" for metrics of pixels."""
        metric = self.claim.metric
        if metric in OF_PIXELS:
            if self.network or self.networks:
                raise BadInput(f"{metric} compares pixels: it takes no network")
            return "extractor", ""
        role: Role = "perceptual" if metric == "lpips" else "extractor"
        fixed = load_metric(metric).network
        if fixed and self.network not in (None, fixed):
            raise BadInput(f"{metric} is of the network {fixed}, not {self.network}")
        sets = [image_sets[place] for place in source.places] + [samples]
        datasets = [images.dataset for images in sets if images.dataset]
        of_dataset = (getattr(datasets[0].card, role) if datasets else "") or NATURAL[role]
        return role, fixed or self.network or of_dataset


def _like(images: ImageSet, samples: ImageSet) -> ImageSet:
    """The images. Raises BadInput where they do not have the shape of the samples."""
    if images.shape[1:] != samples.shape[1:]:
        cure = "resize one side"
        if images.shape[1] != samples.shape[1]:
            cure = "convert one side, grey to RGB or RGB to grey"
        raise BadInput(
            f"samples ({samples.description}) are {size_text(samples)} and the reference "
            f"({images.description}) {size_text(images)} (C×H×W): {cure}"
        )
    return images
