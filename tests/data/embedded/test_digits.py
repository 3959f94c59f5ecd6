import pytest
import torch
from sklearn.datasets import load_digits

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.description import images_of
from harness.evaluation.subject import samples_subject


def test_the_dataset_is_the_one_that_results_were_published_with():
    digits = load_dataset("digits")
    assert digits.digest == "ed8b05b0d87505dabb4e52e526b2b4ba4179ac6c138922d2bf2e703d51024ac9"
    assert (digits.channels, digits.size) == (1, 16)


def test_every_third_image_is_a_test_image():
    digits = load_dataset("digits")
    labels = torch.from_numpy(load_digits().target)
    assert torch.equal(digits.test.labels, labels[::3])
    assert (len(digits.train), len(digits.test)) == (1198, 599)


def test_pixels_are_the_counts_weighted_bilinearly():
    """At twice the size, an inner pixel is 9/16 + 3/16 + 3/16 + 1/16 of the nearest four."""
    digits = load_dataset("digits")
    counts = load_digits().images[0]
    blend = (9 * counts[3, 3] + 3 * counts[3, 4] + 3 * counts[4, 3] + counts[4, 4]) / 16
    assert digits.test.images[0, 0, 7, 7] == round(blend * 255 / 16)
    assert digits.train.images.max() == 255


def test_in_their_native_size_pixels_are_the_counts():
    digits = load_dataset("digits[size=8]")
    counts = torch.from_numpy(load_digits().images)[::3, None]
    assert torch.equal(digits.test.images, (counts * 255 / 16).round().to(torch.uint8))
    assert torch.equal(digits.train.labels, load_dataset("digits").train.labels)
    assert load_dataset("digits[size=16]").digest == load_dataset("digits").digest
    assert load_dataset("stacked:digits[size=8,train=6,test=6]").size == 8
    with pytest.raises(BadInput, match=r"size=12; there are 8 \(pixels as they are\) and 16"):
        load_dataset("digits[size=12]")


@pytest.mark.parametrize("name", ["digits", "digits[unseen=8]", "stacked:digits[train=6,test=6]"])
def test_enlarged_images_say_so_and_have_no_detail_to_judge(name):
    """Above a quarter of a cycle a pixel there is what the interpolation left."""
    digits = load_dataset(name)
    assert "16×16 enlarged from 8×8, " in images_of(digits)
    assert "enlarged from 8×8" in digits.card.title
    subject = samples_subject("samples", digits, 100)
    assert subject.obstacles["detail"].startswith(f"{digits.name} was enlarged from 8×8 pixels")


def test_images_as_they_are_have_detail():
    digits = load_dataset("digits[size=8]")
    assert images_of(digits) == "8×8, grey"
    assert "enlarged" not in digits.card.title
    assert "detail" not in samples_subject("samples", digits, 100).obstacles
