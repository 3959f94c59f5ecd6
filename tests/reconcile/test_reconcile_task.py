"""The whole search on sets of digits: each kind of difference is found again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.disturbances import add_pixel_noise, blur
from harness.extractors import Extracted, Extractor, load_extractor, load_perceptual
from harness.metrics import Subsets, frechet_distance, kernel_distances, mse
from harness.reconcile.claimed_number import parse_claim
from harness.reconcile.explanation import explain
from harness.reconcile.preparation import PreparedImage, crop_again, encode
from harness.reconcile.protocol import ImageCount, SubsetSeed
from harness.reconcile.search import Search
from harness.reconcile.task import ReconcileTask
from harness.training.numerics import Numerics

NETWORK = "classifier:digits"
DIGITS = load_dataset("digits")
REAL = DIGITS.test.images[:260]
MADE = add_pixel_noise(blur(DIGITS.train.images[:220], 0.6), 0.06, 3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Tensor], str]:
    folder = tmp_path_factory.mktemp("sets")

    def save(name: str, images: Tensor, **arrays: np.ndarray) -> str:
        file = folder / f"{name}.npz"
        np.savez(file, images.permute(0, 2, 3, 1).numpy(), **arrays)
        return str(file)

    return save


def features(images: Tensor) -> Tensor:
    return load_extractor(NETWORK).extract(images).pooled


def distance(a: Tensor, b: Tensor) -> float:
    return frechet_distance(features(a), features(b))


def run(samples: str, references: list[str], claimed: str, network: str | None = NETWORK) -> Search:
    task = ReconcileTask(
        samples, references, parse_claim(claimed), Numerics.resolve("cpu"), network
    )
    return task.run()


def causes(search: Search) -> tuple[str, ...]:
    return explain(search).causes


@pytest.mark.parametrize(
    ("claimed", "cause"),
    [
        (lambda: distance(MADE, encode(REAL, "JPEG 75")),
         "pixels: reference as JPEG 75"),
        (lambda: distance(MADE, crop_again(REAL, 7 / 8, "bicubic")),
         "crop: centre 7/8 of the reference"),
        (lambda: distance(MADE, REAL[:220]), "reference images: first 220"),
        (lambda: distance(MADE, DIGITS.train.images[300:500]), "reference: {other}"),
        (lambda: distance(MADE, REAL) ** 0.5, "estimator: the root of the distance"),
    ],
    ids=["jpeg", "crop", "count", "reference", "root"],
)  # fmt: skip
def test_each_difference_is_named(place, claimed: Callable[[], float], cause: str):
    other = place("other", DIGITS.train.images[300:500])
    references = [place("real", REAL), other]
    search = run(place("made", MADE), references, f"fid={claimed():.5g}")
    assert causes(search) == (cause.format(other=other),)


def test_the_default_is_what_score_gives(place):
    search = run(place("made", MADE), [place("real", REAL)], "fid=1000")
    assert search.default.value.value == pytest.approx(distance(MADE, REAL), rel=1e-9)


def test_the_seed_of_kids_subsets_is_named(place):
    values = kernel_distances(features(MADE), features(REAL), Subsets(100, 110, 42))
    search = run(place("made", MADE), [place("real", REAL)], f"kid={float(values.mean()):.6g}")
    assert causes(search) == ("seed of subsets: 42 (numpy)",)


def test_statistics_beside_images_are_told_from_them(place):
    train = features(DIGITS.train.images[:600]).double().numpy()
    file = place("adm", REAL, mu=train.mean(0), sigma=np.cov(train, rowvar=False))
    search = run(place("made", MADE), [file], f"fid={distance(MADE, REAL):.5g}")
    assert search.default.protocol.reference == f"{file} (statistics)"
    assert causes(search) == (f"reference: {file} (images)",)


def test_a_filter_of_larger_images_is_named(place):
    large = REAL.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3).roll(1, dims=3)
    small = torch.stack([_made_small(image, "tf1-bilinear") for image in large])
    search = run(place("made", MADE), [place("large", large)], f"fid={distance(MADE, small):.5g}")
    assert causes(search) == ("resize: tf1-bilinear",)


def _made_small(image: Tensor, how: str) -> Tensor:
    from PIL import Image  # noqa: PLC0415 - of this helper alone

    from harness.reconcile.preparation import CENTRE  # noqa: PLC0415

    made = PreparedImage(16, f"{CENTRE}|{how}").image(Image.fromarray(image[0].numpy()))
    return torch.from_numpy(np.asarray(made).copy())[None]


def test_pairs_are_compared_by_pixels_and_by_networks(place):
    real, made = REAL[:60], blur(REAL[:60], 0.7)
    places = place("made-60", made), [place("real-60", real)]
    error = float(mse(made, real).mean())
    search = run(*places, f"psnr={-10 * np.log10(error):.6g}", None)
    assert causes(search) == ("estimator: as torchmetrics",)
    other = load_perceptual("classifier:mnist-16").distance(made, real).mean()
    search = run(*places, f"lpips={float(other):.5g}")
    assert causes(search) == ("network: classifier:mnist-16",)


def test_each_set_of_pixels_meets_a_network_once(place, monkeypatch: pytest.MonkeyPatch):
    met: list[bytes] = []
    network = type(load_extractor(NETWORK))
    extract = network.extract

    def count(self: Extractor, images: Tensor) -> Extracted:
        met.append(self.name.encode() + images.numpy().tobytes())
        return extract(self, images)

    monkeypatch.setenv("HARNESS_CACHE", str(Path(place("made", MADE)).parent / "cache"))
    monkeypatch.setattr(network, "extract", count)
    search = run(place("made", MADE), [place("real", REAL)], "fid=1000")
    assert 2 < len(met) < len(search.singles)
    assert len(set(met)) == len(met)
    met.clear()
    run(place("made", MADE), [place("real", REAL)], "fid=1000")
    assert met == []


@pytest.mark.parametrize(
    ("claimed", "network", "line"),
    [
        ("psnr=20", NETWORK, "psnr compares pixels: it takes no network"),
        ("sfid=20", NETWORK, "sfid is of the network inception:spatial"),
        ("fid=20", "classifier:nothing", "unknown extractor"),
        ("psnr=20", None, "40 of 260 images without a partner"),
    ],
)
def test_bad_input_is_one_line(place, claimed: str, network: str | None, line: str):
    with pytest.raises(BadInput, match=line) as error:
        run(place("made", MADE), [place("real", REAL)], claimed, network)
    assert "\n" not in str(error.value)


def test_channels_that_differ_are_refused(place):
    with pytest.raises(BadInput, match="grey to RGB"):
        run(place("made", MADE), [place("colour", REAL.expand(-1, 3, -1, -1))], "fid=1")


def test_seeds_are_those_of_the_libraries():
    rows = SubsetSeed("numpy", 0).rows(10, 4)
    assert rows.tolist() == np.random.RandomState(0).choice(10, 4, replace=False).tolist()
    torch.manual_seed(3)
    assert SubsetSeed("torch", 3).rows(10, 4).tolist() == torch.randperm(10)[:4].tolist()
    draws = {tuple(ImageCount("random", 4).rows(10, None, draw).tolist()) for draw in range(8)}
    assert len(draws) > 1
