import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import lpips

IMAGES = torch.randint(0, 256, (4, 1, 16, 16), generator=torch.Generator().manual_seed(0)).byte()


def test_equal_images_look_alike_and_others_do_not():
    distances = lpips(IMAGES, IMAGES.flip(0), "classifier:digits")
    assert lpips(IMAGES, IMAGES, "classifier:digits").max() == 0
    assert torch.equal(distances, distances.flip(0)), "it is symmetric"
    assert distances.min() > 0


def test_what_is_no_pair_of_images_is_refused():
    with pytest.raises(BadInput, match="uint8"):
        lpips(IMAGES.float(), IMAGES.float(), "classifier:digits")
    with pytest.raises(BadInput, match="differ in shape"):
        lpips(IMAGES, IMAGES[:2], "classifier:digits")
