"""What is measured of translations, with a model that translates perfectly, or nearly."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import load_dataset
from harness.data.base import Dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.pictures import PICTURES, chosen_pictures
from harness.evaluation.protocols import EvalConfig, obstacle, protocol
from harness.evaluation.subject import model_subject, sources_subject
from harness.extractors import load_extractor
from harness.families import build_family
from harness.metrics import METRICS, frechet_estimate
from harness.plan import shape_of

SETUP = EvalConfig({"extractor": "classifier:digits", "perceptual": "classifier:digits"})
TRANSLATION = ["fid_forward", "fid_backward", "cycle_error", "colour_shift"]
CLASSES = METRICS["class_agreement"]


class Inverter:
    """Bright for dark; backward it forgets all but the upper half."""

    def translate(self, x: torch.Tensor, direction: str) -> torch.Tensor:
        made = -x
        if direction == "backward":
            made[..., made.shape[-1] // 2 :, :] = -1
        return made


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset("digits[unpaired=inverted]")


@pytest.fixture(scope="module")
def evidence(dataset: Dataset) -> Evidence:
    model: Any = Inverter()
    return Evidence(dataset_evidence(dataset), SETUP, model=model)


def test_translations_meet_the_other_domain(evidence: Evidence, dataset: Dataset):
    images, first = dataset.test.images, dataset.test.labels == 0
    assert torch.equal(evidence["translations"][first], 255 - images[first])
    assert compute_metric(METRICS["fid_forward"], evidence).estimate.value == pytest.approx(
        0, abs=1e-6
    )
    back = 255 - images[~first]
    back[:, :, 8:] = 0
    extractor = load_extractor("classifier:digits", "cpu")
    features = [extractor.extract(x).pooled for x in (back, images[first])]
    value = compute_metric(METRICS["fid_backward"], evidence).estimate.value
    assert value == pytest.approx(frechet_estimate(*features).value)
    assert value > 1


def test_counterparts_are_what_translations_should_be(evidence: Evidence, dataset: Dataset):
    second = dataset.test.labels == 1
    assert torch.equal(evidence["originals"], dataset.test.images)
    made = evidence["reconstructions"]
    assert torch.equal(made[second], dataset.test.images[second]), "forward nothing is lost"
    assert (made[~second][:, :, 8:] == 0).all()
    assert compute_metric(METRICS["mse"], evidence).estimate.value > 0


def test_there_and_back(evidence: Evidence, dataset: Dataset):
    expected = dataset.test.images.clone()
    first = dataset.test.labels == 0
    expected[first, :, 8:] = 0
    expected[~first, :, 8:] = 255  # black is what backward leaves, and forward inverts it
    assert torch.equal(evidence["cycles"], expected)
    difference = (expected.double() - dataset.test.images.double()).abs().mean() / 255
    assert compute_metric(METRICS["cycle_error"], evidence).estimate.value == pytest.approx(
        difference.item()
    )


def test_the_class_of_images_as_they_are_is_that_of_their_translations(evidence: Evidence):
    """Forward nothing is lost; of images that were left as they are, inverted, little is read."""
    assert compute_metric(CLASSES, evidence).estimate.value == 1
    dataset = load_dataset("digits[unpaired=inverted]")
    undone = {"reconstructions": dataset.test.sources}
    floor = compute_metric(CLASSES, Evidence(dataset_evidence(dataset) | undone, SETUP)).estimate
    extractor = load_extractor("classifier:digits", "cpu")
    digits = dataset.test.images[dataset.test.labels == 1]
    first, second = (extractor.extract(x).logits for x in (digits, 255 - digits))
    expected = (first.argmax(dim=1) == second.argmax(dim=1)).double().mean().item()
    assert floor.value == pytest.approx(expected)
    assert expected < 0.5


def test_restored_images_are_of_the_class_of_their_originals():
    dataset = load_dataset("digits[denoise=gaussian-0.1]")
    model = build_family("translation", {"width": 2}, shape_of(dataset))
    subject = model_subject("m", model, dataset, 9)
    assert obstacle(CLASSES, subject, SETUP) is None
    assert protocol(CLASSES, subject, SETUP).samples == len(dataset.test)
    values = dataset_evidence(dataset)
    whole = Evidence(values | {"reconstructions": dataset.test.images}, SETUP)
    black = Evidence(values | {"reconstructions": torch.zeros_like(dataset.test.images)}, SETUP)
    assert compute_metric(CLASSES, whole).estimate.value == 1
    assert compute_metric(CLASSES, black).estimate.value < 0.2, "one class for all"


def test_protocols_count_what_is_translated_and_what_it_meets():
    dataset = load_dataset("digits[unpaired=3+8]")
    model = build_family("cyclegan", {"width": 2, "blocks": 1}, shape_of(dataset))
    subject = model_subject("m", model, dataset, 9)
    threes, eights = dataset.test.labels.bincount().tolist()
    how = {name: protocol(METRICS[name], subject, SETUP) for name in TRANSLATION}
    counts = {name: (p.samples, p.reference) for name, p in how.items()}
    assert threes != eights
    assert counts == {
        "fid_forward": (threes, eights), "fid_backward": (eights, threes),
        "cycle_error": (threes + eights, None), "colour_shift": (threes + eights, None),
    }  # fmt: skip
    assert all(p.split == "test" and p.quantisation == "u8" for p in how.values())
    changed = load_dataset("digits[unpaired=inverted]")
    model = build_family("cyclegan", {"width": 2, "blocks": 1}, shape_of(changed))
    how_agreed = protocol(CLASSES, model_subject("m", model, changed, 9), SETUP)
    assert how_agreed.samples == int(changed.test.labels.sum()), "those that should be digits"


def why(metric: str, family: str, settings: dict[str, Any], name: str) -> str | None:
    dataset = load_dataset(name)
    model = build_family(family, settings, shape_of(dataset))
    return obstacle(METRICS[metric], model_subject("m", model, dataset, 9), SETUP)


def test_what_does_not_apply_says_why():
    small, inverted = {"width": 2, "blocks": 1}, "digits[unpaired=inverted]"
    for metric in ("fid_forward", "fid_backward", "cycle_error", "mse"):
        assert why(metric, "autoencoder", {"width": 2}, inverted) == "m does not translate images"
        assert why(metric, "cyclegan", small, inverted) is None
    assert why("mse", "autoencoder", {"width": 2}, "digits[unpaired=3+8]") is None
    alone = why("mse", "cyclegan", small, "digits[unpaired=3+8]")
    assert alone == "of digits[unpaired=3+8] no image's counterpart in the other domain is known"
    assert why("class_agreement", "cyclegan", small, "digits[unpaired=3+8]") == alone
    assert why("class_agreement", "autoencoder", {"width": 2}, inverted) is not None
    untouched = why("class_agreement", "autoencoder", {"width": 2}, "digits")
    assert untouched == "digits has no images to translate"
    nowhere = why("cycle_error", "autoencoder", {"width": 2}, "digits")
    assert nowhere == "digits has no two domains to translate between"
    assert why("colour_shift", "cyclegan", small, inverted) == f"{inverted} is grey"
    assert why("colour_shift", "cyclegan", small, "shapes[unpaired=outlines]") is None


def test_images_left_as_they_are_stand_for_doing_nothing(dataset: Dataset):
    subject = sources_subject(dataset)
    assert obstacle(CLASSES, subject, SETUP) is None
    reasons = {name: obstacle(METRICS[name], subject, SETUP) for name in (*TRANSLATION, "mse")}
    assert reasons == {
        "fid_forward": None, "fid_backward": None, "mse": None,
        "cycle_error": "nothing is made from them", "colour_shift": f"{dataset.name} is grey",
    }  # fmt: skip


def test_a_picture_has_image_translation_and_counterpart(evidence: Evidence, dataset: Dataset):
    model: Any = Inverter()
    assert chosen_pictures(dataset, model, []) == [PICTURES["translations"]]
    sheet = np.asarray(Image.open(io.BytesIO(PICTURES["translations"].draw(evidence))))
    test, side = dataset.test, 17
    first = test.images[test.labels == 0]
    for row, expected in enumerate((first, 255 - first, test.sources[test.labels == 0])):
        for column in (0, 7):
            top, left = 1 + row * side, 1 + column * side
            shown = sheet[top : top + 16, left : left + 16]
            assert np.array_equal(shown, expected[column, 0].numpy())
    assert sheet.shape == (1 + 12 * side, 1 + 8 * side)
