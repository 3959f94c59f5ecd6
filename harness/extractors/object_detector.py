"""`detector` and `detector:NAME`: objects in photographs by YOLOS, and their colours by CLIP.

YOLOS: Fang et al. 2021, arXiv:2106.00666. That a detector judges prompts, and CLIP the colours of
what it finds: GenEval, Ghosh et al. 2023, arXiv:2310.11513. NAME is a repository of the Hugging
Face hub with a YOLOS network, or a folder below `HARNESS_WEIGHTS` in the same layout.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from harness.core.keys import digest
from harness.data.composition import COLOURS
from harness.extractors.base import DetectedObject, ObjectDetector
from harness.extractors.clip import Clip
from harness.extractors.hub_files import TRANSFORMERS_WEIGHTS, locate_weights_file
from harness.extractors.images import check_rgb, to_rgb
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights

DEFAULT = "hustvl/yolos-base"
FILES = ("config.json", "preprocessor_config.json")
COLOUR_NETWORK = "clip:openai/clip-vit-large-patch14"
"""GenEval's."""
THRESHOLD = 0.3
"""Objects of a lower score are left out, as GenEval does."""
TEMPLATES = ("a photo of a {colour} {name}", "a photo of a {colour}-colored {name}",
             "a photo of a {colour} object")  # fmt: skip
"""A colour is chosen by the mean embedding of these texts, as GenEval does."""


class PhotographDetector(ObjectDetector):
    """Finds the objects that the network has names for, mostly the 80 of COCO."""

    preprocessing = "rgb-yolos-processor"

    def __init__(self, name: str, device: str) -> None:
        repository = hub.repository_name(name, DEFAULT)
        weights = _preflight(name)
        self._clip = Clip(COLOUR_NETWORK, device)
        self.name = f"detector:{repository}"
        self.digest = digest([weights.sha256, self._clip.digest])[:8]
        self._processor = hub.load_preprocessor(name, weights, "YolosImageProcessor")
        format_ = replace(weights, path=weights.path.parent / TRANSFORMERS_WEIGHTS[0])
        network = hub.load_network(name, format_, "YolosForObjectDetection", "yolos")
        self._labels = {number: text.lower() for number, text in network.config.id2label.items()}
        self.names = tuple(dict.fromkeys(self._labels.values()))
        self._network = network.to(device)

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def detect(
        self, images: Tensor, coloured: Sequence[Set[str]] | None = None
    ) -> list[list[DetectedObject]]:
        """The objects of uint8 images N×C×H×W with a score of 0.3 or more, best first."""
        self.check_shape(*images.shape[1:])
        asked = coloured or [frozenset[str]()] * len(images)
        return [
            [self._with_colour(image, each, names) for each in self._objects(image)]
            for image, names in zip(to_rgb(images).cpu(), asked, strict=True)
        ]

    def _objects(self, image: Tensor) -> list[DetectedObject]:
        inputs = self._processor(images=[image], return_tensors="pt").to(self._network.device)
        with torch.no_grad():
            outputs = self._network(**inputs)
        found = self._processor.post_process_object_detection(
            outputs, THRESHOLD, target_sizes=[tuple(image.shape[1:])]
        )[0]
        rows = zip(
            found["scores"].tolist(), found["labels"].tolist(), found["boxes"].tolist(), strict=True
        )
        objects = [
            DetectedObject(self._labels[label], (box[0], box[1], box[2], box[3]), score)
            for score, label, box in rows
        ]
        return sorted(objects, key=lambda each: -each.score)

    def _with_colour(self, image: Tensor, each: DetectedObject, names: Set[str]) -> DetectedObject:
        """The object with the colour that its crop is nearest to, where that is asked for."""
        if each.name not in names:
            return each
        height, width = image.shape[1:]
        left, top, right, bottom = (round(edge) for edge in each.box)
        left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        crop = image[:, top : max(bottom, top + 1), left : max(right, left + 1)]
        cosines = self._clip.embed_images(crop[None]) @ self._colours(each.name).T
        return replace(each, colour=COLOURS[int(cosines.argmax())])

    def _colours(self, name: str) -> Tensor:
        """The unit vector of each colour of what is called `name`: 10×d."""
        texts = [text.format(colour=c, name=name) for c in COLOURS for text in TEMPLATES]
        embedded = self._clip.embed_texts(texts).view(len(COLOURS), len(TEMPLATES), -1)
        return normalize(embedded.mean(dim=1), dim=1)


def _preflight(name: str) -> LocalWeights:
    return locate_weights_file(
        name, hub.repository_name(name, DEFAULT), TRANSFORMERS_WEIGHTS, FILES
    )


SOURCE: ExtractorSource[ObjectDetector] = ExtractorSource(_preflight, PhotographDetector, check_rgb)
