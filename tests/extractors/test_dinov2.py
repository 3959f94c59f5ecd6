import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from harness.core.errors import BadInput
from harness.extractors import load_extractor
from harness.extractors.dinov2 import fit_positions

transformers = pytest.importorskip("transformers")


@pytest.fixture
def network(save_dinov2):
    save_dinov2("tiny")
    return load_extractor("dinov2:tiny")


def pillow_pixels(images: torch.Tensor) -> torch.Tensor:
    """The loader of dgm-eval: RGB, torchvision's resize of a Pillow image, ImageNet's norm."""
    load = transforms.Compose([
        transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])  # fmt: skip
    arrays = images.permute(0, 2, 3, 1).squeeze(3).numpy()
    return torch.stack([load(Image.fromarray(x).convert("RGB")) for x in arrays])


@pytest.mark.parametrize("shape", [(2, 3, 20, 20), (2, 1, 28, 28), (1, 3, 300, 260)])
def test_equals_transformers_behind_the_papers_loader(
    save_dinov2, weights_folder, random_images, shape
):
    """With positions for 224×224 there is nothing to interpolate: the two must agree."""
    save_dinov2("native", image_size=224)
    images = random_images(*shape)
    reference = transformers.Dinov2Model.from_pretrained(weights_folder / "native").eval()
    with torch.no_grad():
        states = reference(pillow_pixels(images)).last_hidden_state
    found = load_extractor("dinov2:native").extract(images)
    assert torch.allclose(found.pooled, states[:, 0], atol=1e-5)
    assert found.logits is None
    assert found.pooled.dtype == torch.float32


def cubic_resampling(before: int, after: int, scale: float) -> np.ndarray:
    """The matrix of cubic convolution (Keys 1981, a = -0.75) with the border repeated."""
    a, matrix = -0.75, np.zeros((after, before))
    for i in range(after):
        centre = (i + 0.5) / scale - 0.5
        for j in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            t = abs(centre - j)
            near = (a + 2) * t**3 - (a + 3) * t**2 + 1
            far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
            matrix[i, min(max(j, 0), before - 1)] += near if t <= 1 else far
    return matrix


@pytest.mark.parametrize("before", [37, 3])
def test_positions_are_resampled_with_dinov2s_offset(before):
    random = torch.Generator().manual_seed(0)
    positions = torch.randn(1, 1 + before**2, 4, generator=random)
    found = fit_positions(positions, 16)
    assert found.shape == (1, 257, 4)
    assert torch.equal(found[:, 0], positions[:, 0])
    resample = cubic_resampling(before, 16, 16.1 / before)
    squares = positions[0, 1:].reshape(before, before, 4).double().numpy()
    expected = np.einsum("ik,jl,klc->ijc", resample, resample, squares)
    assert found[0, 1:].reshape(16, 16, 4).numpy() == pytest.approx(expected, abs=1e-5)


def test_positions_that_fit_stay_as_they_are():
    positions = torch.rand(1, 257, 4)
    assert fit_positions(positions, 16) is positions


def test_label_and_preprocessing(network):
    assert network.label == f"dinov2:tiny@{network.digest}"
    assert len(network.digest) == 8
    assert network.preprocessing == "rgb-pil-bicubic-224"
    assert network.comparable
    assert network.caveat is None


def test_features_do_not_depend_on_the_batch(network, random_images):
    images = random_images(5, 3, 8, 8)
    one_by_one = torch.cat([network.extract(image[None]).pooled for image in images])
    assert torch.allclose(network.extract(images).pooled, one_by_one, atol=1e-5)


def test_any_size_and_grey_or_rgb(network, random_images):
    for channels, size in ((1, 1), (3, 28), (3, 1024)):
        network.check(channels, size)
    assert network.extract(random_images(1, 1, 1, 1)).pooled.shape == (1, 16)
    with pytest.raises(BadInput, match="dinov2:tiny takes grey or RGB images, not 4 channels"):
        network.check(4, 32)
    with pytest.raises(BadInput, match="not of 4 channels"):
        network.extract(random_images(1, 4, 8, 8))


def test_nothing_random_is_touched(save_dinov2, weights_folder):
    save_dinov2("tiny")
    before = torch.random.get_rng_state()
    load_extractor("dinov2:tiny")
    assert torch.equal(before, torch.random.get_rng_state())


def test_weights_stored_in_half_precision_are_computed_in_float32(
    save_dinov2, weights_folder, random_images
):
    save_dinov2("tiny")
    folder = weights_folder / "tiny"
    transformers.Dinov2Model.from_pretrained(folder).half().save_pretrained(folder)
    found = load_extractor("dinov2:tiny").extract(random_images(2, 3, 8, 8)).pooled
    assert not torch.equal(found, found.half().float())
