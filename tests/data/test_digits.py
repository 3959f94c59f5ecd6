import torch
from sklearn.datasets import load_digits

from harness.data import load_dataset


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
