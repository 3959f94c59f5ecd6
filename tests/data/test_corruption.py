import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from harness.core.errors import BadInput
from harness.data.corruption import GREY, parse
from harness.data.counter_rng import keys

ALL = [
    ("denoise", "gaussian-0.1"), ("denoise", "saltpepper-0.2"), ("denoise", "masking-0.25"),
    ("inpaint", "box"), ("inpaint", "half"), ("inpaint", "random-0.5"),
    ("super", "2"), ("super", "4"),
]  # fmt: skip
KEYS = keys(0, torch.arange(32))


def photographs(channels: int = 3, size: int = 16) -> torch.Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (32, channels, size, size), generator=draws).to(torch.uint8)


@pytest.mark.parametrize(("option", "value"), ALL)
def test_each_image_is_damaged_by_its_own_key_alone(option: str, value: str):
    damage, images = parse(option, value), photographs()
    sources, known = damage(images, KEYS)
    assert sources.dtype == torch.uint8
    assert sources.shape == images.shape
    again, some = damage(images[[5, 2]], KEYS[[5, 2]])
    assert torch.equal(again, sources[[5, 2]])
    assert (known is not None) == damage.masked == (option == "inpaint")
    if known is not None:
        assert some is not None
        assert torch.equal(some, known[[5, 2]])
    assert not torch.equal(sources, images)


DIGESTS = {
    ("denoise", "gaussian-0.1"): "b386f9fe1b5b2b82",
    ("denoise", "saltpepper-0.2"): "64e4fb7a0425cf40",
    ("inpaint", "box"): "21f094445374423b",
    ("inpaint", "random-0.5"): "d145f3d6a16d5cc8",
    ("super", "4"): "822da96649ddf78d",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_every_machine_gets_the_same_bytes(name: tuple[str, str]):
    images = (torch.arange(32 * 256) * 37 % 251).to(torch.uint8).view(32, 1, 16, 16)
    sources, _ = parse(*name)(images, KEYS)
    assert hashlib.sha256(sources.numpy().tobytes()).hexdigest()[:16] == DIGESTS[name]


def test_gaussian_noise_is_gaussian_noise_rounded():
    images = torch.full((32, 1, 64, 64), 128, dtype=torch.uint8)
    noise = parse("denoise", "gaussian-0.1")(images, KEYS)[0].double() - 128
    assert noise.mean().item() == pytest.approx(0, abs=0.3)
    assert noise.std().item() == pytest.approx(25.5, rel=0.01)
    edges = np.arange(-60, 61)
    found = [(noise <= edge).double().mean().item() for edge in edges]
    assert found == pytest.approx(stats.norm.cdf((edges + 0.5) / 25.5), abs=0.005)


def test_salt_and_pepper_are_as_frequent_as_each_other():
    images = torch.full((32, 3, 64, 64), 128, dtype=torch.uint8)
    sources, _ = parse("denoise", "saltpepper-0.2")(images, KEYS)
    for value, share in ((0, 0.1), (255, 0.1), (128, 0.8)):
        assert (sources == value).double().mean().item() == pytest.approx(share, abs=0.005)
    assert torch.equal(sources[:, 0], sources[:, 2]), "all channels of a pixel turn alike"


@pytest.mark.parametrize(("value", "share"), [("box", 0.25), ("half", 0.5), ("random-0.3", 0.3)])
def test_missing_pixels_are_grey_and_the_others_known(value: str, share: float):
    images = photographs(size=32)
    sources, known = parse("inpaint", value)(images, KEYS)
    assert known is not None
    assert known.dtype == torch.bool
    everywhere = known[:, None].expand_as(images)
    assert torch.equal(sources[everywhere], images[everywhere])
    assert (sources[~everywhere] == GREY).all()
    assert 1 - known.double().mean().item() == pytest.approx(share, abs=0.01)


def test_boxes_are_squares_at_every_place():
    _, known = parse("inpaint", "box")(
        photographs(size=9).repeat(20, 1, 1, 1), keys(1, torch.arange(640))
    )
    assert known is not None
    missing = ~known
    assert (missing.sum(dim=(1, 2)) == 16).all()
    assert {int(m.any(1).nonzero()[0]) for m in missing} == set(range(6))
    assert {int(m.any(0).nonzero()[0]) for m in missing} == set(range(6))
    assert (missing.any(1).sum(1) == 4).all()


def test_lost_resolution_is_an_area_mean_shown_bicubically():
    images = torch.full((1, 1, 8, 8), 77, dtype=torch.uint8)
    assert torch.equal(parse("super", "2")(images, KEYS[:1])[0], images), "flat stays flat"
    image = photographs(1, 8)[:1]
    means = image[0, 0].reshape(2, 4, 2, 4).double().mean(dim=(1, 3))
    box = Image.fromarray(image[0, 0].numpy()).reduce(4)
    assert np.abs(np.asarray(box) - means.numpy()).max() <= 0.5
    large = torch.nn.functional.interpolate(means.round()[None, None], size=8, mode="bicubic")
    assert torch.equal(parse("super", "4")(image, KEYS[:1])[0], large.round().clamp(0, 255).byte())


@pytest.mark.parametrize(
    ("option", "value", "right"),
    [
        ("denoise", "gaussian", "gaussian-0.1, saltpepper-0.1 or masking-0.25"),
        ("denoise", "gaussian-1.5", "an amount from 0 to 1"),
        ("denoise", "gaussian-nan", "an amount from 0 to 1"),
        ("denoise", "box", "right are gaussian-0.1"),
        ("inpaint", "box-0.5", "box, half or random-0.5"),
        ("super", "3", "right are 2 or 4"),
    ],
)
def test_what_is_no_corruption_is_told_what_is(option: str, value: str, right: str):
    with pytest.raises(BadInput, match=right):
        parse(option, value)


@pytest.mark.gpu
@pytest.mark.parametrize(("option", "value"), ALL)
def test_a_gpu_does_the_same_damage(option: str, value: str):
    damage, images = parse(option, value), photographs()
    there, here = damage(images.cuda(), KEYS.cuda()), damage(images, KEYS)
    assert torch.equal(there[0].cpu(), here[0])
    assert here[1] is None or torch.equal(there[1].cpu(), here[1])
