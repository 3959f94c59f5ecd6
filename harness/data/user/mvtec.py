"""`mvtec:PATH`: good and defective images with masks, in the layout of MVTec AD.

`train/good/`, `test/good/`, `test/KIND/` for each kind of defect, and for `test/KIND/NAME.png` its
mask `ground_truth/KIND/NAME_mask.png`, which is black where the image is good.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import BadInput, suggest
from harness.data.base import DatasetCard
from harness.data.image_search import find_images
from harness.data.source import DatasetFactory, Source
from harness.data.user.factory import user_images, user_source
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import Layout, PictureFile, SplitFiles, stem
from harness.data.user.paths import folder_names, named_folder, split_folder

GOOD = "good"

CATEGORIES = tuple(
    """
    bottle cable capsule carpet grid hazelnut leather metal_nut pill screw tile toothbrush
    transistor wood zipper
""".split()
)


def find(folder: Path) -> Layout:
    """Class 0 is good, then the kinds of defects by name. Raises BadInput for another layout."""
    good = _needed(folder, "train", GOOD)
    if others := folder_names(good.parent) - {good.name}:
        raise BadInput(f"{good.parent / min(others)}: only good images are for training")
    normal_test = _needed(folder, "test", GOOD)
    test = normal_test.parent
    kinds = sorted(folder_names(test) - {normal_test.name})
    if not kinds:
        raise BadInput(f"{test}: has no folder of defective images beside {GOOD}/")
    pictures: list[PictureFile] = []
    labels: list[int] = []
    masks: list[Path | None] = []
    for label, kind in enumerate((normal_test.name, *kinds)):
        images, _ = find_images(test / kind)
        pictures += [PictureFile(file) for file in images]
        labels += [label] * len(images)
        masks += [_mask_of(folder, test / kind, file) if label else None for file in images]
    normal, _ = find_images(good)
    train = SplitFiles([PictureFile(file) for file in normal], [0] * len(normal))
    return Layout(folder, (GOOD, *kinds), train, SplitFiles(pictures, labels, masks=masks))


def _needed(folder: Path, split: str, name: str) -> Path:
    where = split_folder(folder, split)
    subfolder = named_folder(where, name) if where else None
    if subfolder is None:
        raise BadInput(
            f"{folder}: has no {split}/{name}/; train/good/, test/good/, test/KIND/ and "
            "ground_truth/KIND/ are needed"
        )
    return subfolder


def _mask_of(folder: Path, kind: Path, image: Path) -> Path:
    mask = folder / "ground_truth" / kind.name / f"{stem(image, kind)}_mask.png"
    if not mask.is_file():
        raise BadInput(f"{image}: its mask is not there ({mask})")
    return mask


def _make_mvtec_ad(category: str, options: Mapping[str, str]) -> Source:
    name = f"mvtec-ad:{category}"
    if category not in CATEGORIES:
        raise BadInput(
            f"{name}: no category of MVTec AD{suggest(category, CATEGORIES)}; they are "
            f"{', '.join(CATEGORIES)}"
        )
    card = DatasetCard(
        title=f"MVTec AD, {category}",
        licence="CC BY-NC-SA 4.0",
        citation="Bergmann, Fauser, Sattlegger & Steger 2019, MVTec AD, CVPR",
    )
    place = f"mvtec_anomaly_detection/{category}"
    return user_source(name, place, card, find, ImageOptions.read(name, options))


MVTEC = user_images("mvtec", find, "good and defective images with masks, as in MVTec AD")
MVTEC_AD = DatasetFactory(_make_mvtec_ad, OPTIONS, "CATEGORY", "MVTec AD, one of its categories")
