"""Every picture of a model with codes, drawn of small models as recipes build them."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import entropy

from harness.data import load_dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.pictures import (
    PICTURES,
    anomalies,
    chosen_pictures,
    may_have_picture,
    picture_name,
)
from harness.evaluation.pictures.code_map import code_planes
from harness.evaluation.pictures.latent import PAIRS, PLACES, STEPS, UNITS, explained_shares
from harness.evaluation.pictures.sheets import caption_of, grid_png, grid_tiles
from harness.evaluation.pictures.weights import decoder_filters, encoder_filters
from harness.evaluation.protocols import EvalConfig
from harness.families import build_family
from harness.families.base import Family
from harness.metrics import METRICS
from harness.plan import shape_of
from harness.training.init import initialise

SIDE = 16
WIDTH: dict[str, Any] = {"width": 8}
MLP = {"network": "mlp", "width": 12, "depth": 1}
VQ = {"width": 8, "entries": 32, "prior": {"width": 8, "layers": 2}}
GAN = {"network": "conv", "width": 8}


@cache
def dataset(name: str):
    return load_dataset(name)


def evidence_of(built: Any, on: str = "digits") -> Evidence:
    return Evidence(dataset_evidence(dataset(on)), EvalConfig({}), model=built)


def build(family: str, settings: dict[str, Any], on: str = "digits") -> Family:
    shape = shape_of(dataset(on))
    built = initialise(lambda: build_family(family, settings, shape), 0)
    built.networks.eval()
    return built


def names(family: Any, on: str = "digits", *metrics: str) -> set[str]:
    return {s.name for s in chosen_pictures(dataset(on), family, [METRICS[m] for m in metrics])}


def tiles(png: bytes, size: int = SIDE) -> torch.Tensor:
    return grid_tiles(png, size)


def test_each_model_has_the_pictures_of_what_it_can_do():
    coded = {"reconstructions", "interpolations", "code-map", "encoder-weights", "decoder-weights"}
    autoencoder = build("autoencoder", WIDTH)
    assert names(autoencoder) == coded | {"traversals"}
    assert names(build("vae", WIDTH)) == coded | {"traversals", "samples"}
    assert names(build("vq", VQ)) == coded | {"samples", "codebook"}
    assert "latent-interpolations" in names(build("gan", GAN))
    assert names(build("autoencoder", MLP, "ring"), "ring") == {"reconstructions"}
    unseen = "digits[unseen=8]"
    assert names(autoencoder, unseen) == coded | {"traversals", "anomaly-maps"}
    assert "anomaly-scores" in names(autoencoder, unseen, "auroc")
    assert names(None) == {"samples"}
    assert names(None, "digits", "recall") == {"samples"}
    assert names(None, "digits", "ndb") == {"samples", "neighbours"}


def test_models_that_differ_in_sampling_alone_have_pictures_of_their_own():
    assert picture_name("samples", {}) == "samples"
    assert len({picture_name("samples", {"steps": steps}) for steps in (4, 8)}) == 2
    assert picture_name("reconstructions", {"steps": 4}) == "reconstructions"


def test_early_runs_are_asked_for_every_picture():
    assert may_have_picture({}, "samples")
    assert may_have_picture({"pictures": "samples codebook"}, "codebook")
    assert not may_have_picture({"pictures": "samples-1a2b3c4d"}, "samples")
    assert not may_have_picture({"pictures": ""}, "samples")


def test_a_caption_is_inside_its_file():
    png = grid_png(torch.zeros(1, 1, 2, 2).byte(), 1, "Ein Ü, and 5 %.")
    assert caption_of(png) == "Ein Ü, and 5 %."
    assert caption_of(grid_png(torch.zeros(1, 1, 2, 2).byte(), 1)) == ""
    assert caption_of(b"no picture") == caption_of(png[:20]) == ""


class Paintbox:
    """A code of 3 numbers: the first is the brightness of the upper half, the second that of the
    lower, in -1 to 1; the third is not used.
    """

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        halves = [x[:, :, :8].mean(dim=(1, 2, 3)), x[:, :, 8:].mean(dim=(1, 2, 3))]
        return torch.stack([*halves, torch.zeros(len(x))], dim=1)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        image = torch.zeros(len(z), 1, SIDE, SIDE)
        image[:, :, :8], image[:, :, 8:] = z[:, :2, None, None, None].unbind(dim=1)
        return image.clamp(-1, 1)


def painted(values: torch.Tensor, **others: Any) -> Evidence:
    """Test images of the Paintbox with codes n×2 of these values."""
    model: Any = Paintbox()
    codes = torch.cat([values, torch.zeros(len(values), 1)], dim=1)
    images = ((model.decode(codes) + 1) * 127.5).round().to(torch.uint8)
    return Evidence({"reference_images": images, **others}, EvalConfig({}), model=model)


def test_a_row_of_a_traversal_moves_one_unit_and_the_most_used_comes_first():
    draws = torch.Generator().manual_seed(0)
    values = torch.randn(200, 2, generator=draws) * torch.tensor([0.1, 0.2])
    png = PICTURES["traversals"].draw(painted(values))
    images = tiles(png).view(3, STEPS, SIDE, SIDE).float()
    upper, lower = images[:, :, 0, 0], images[:, :, -1, 0]
    assert (lower[0].diff() > 12).all(), "the second unit varies most"
    assert (upper[0].diff() == 0).all()
    assert (upper[1].diff() > 5).all()
    assert (lower[1].diff() == 0).all()
    assert (images[2] == images[2, 0]).all()
    assert caption_of(png) == "From the top: units 1, 0, 2 of 3."


def test_captions_say_which_unit_follows_one_factor_alone():
    factors = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    x, y = factors.T.float() / 6
    given = {"test_factors": factors, "factor_names": ("x", "y")}
    entangled = painted(torch.stack([x, (x + y) / 2], dim=1), **given)
    assert "One factor alone: x (row 1); 2 units more" in caption_of(
        PICTURES["traversals"].draw(entangled)
    )
    nameless = painted(torch.stack([x, y], dim=1), test_factors=factors, factor_names=())
    caption = caption_of(PICTURES["traversals"].draw(nameless))
    assert {f"factor {number} (row" in caption for number in (0, 1)} == {True}
    shares = explained_shares(torch.stack([x, (x + y) / 2, 0 * x], dim=1), factors)
    expected = torch.tensor([[1, 0], [0.5, 0.5], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(shares, expected, atol=1e-6, rtol=0)


def test_interpolations_begin_and_end_at_images_of_two_classes():
    angles = torch.linspace(0, 2 * torch.pi, 9)[:8]
    values = 0.8 * torch.stack([angles.cos(), angles.sin()], dim=1)
    labels = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])
    e = painted(values, reference_labels=labels)
    rows = tiles(PICTURES["interpolations"].draw(e)).view(PAIRS, 2, PLACES + 2, SIDE, SIDE)
    images = e["reference_images"][:, 0]
    for (i, j), pair in zip([(0, 2), (1, 3), (4, 6), (5, 7)], rows, strict=True):
        for row in pair:
            assert torch.equal(row[0], images[i])
            assert torch.equal(row[-1], images[j])
            assert (row[1].int() - images[i].int()).abs().max() <= 1
    halves = rows[:, :, 1:-1][..., [0, -1], 0].float() / 127.5 - 1
    radius = halves.norm(dim=-1)
    torch.testing.assert_close(radius[:, 1], torch.full_like(radius[:, 1], 0.8), atol=0.01, rtol=0)
    assert (radius[:, 0].amin(dim=1) < 0.6).all(), "the chord is shorter than the arc"


def test_between_opposite_codes_the_arc_is_a_straight_line():
    values = torch.tensor([[0.5, 0.5], [-0.5, -0.5], [0.2, 0.2], [0.4, 0.4]])
    e = painted(values, reference_labels=torch.tensor([0, 1, 0, 1]))
    straight, arc = tiles(PICTURES["interpolations"].draw(e)).view(2, 2, -1).unbind(dim=1)
    assert torch.equal(straight, arc)


def test_samples_are_interpolated_where_there_are_no_codes_of_images():
    gan = build("gan", GAN)
    images = tiles(PICTURES["latent-interpolations"].draw(evidence_of(gan)))
    assert len(images) == 2 * PAIRS * PLACES
    rows = images.view(PAIRS, 2, PLACES, SIDE, SIDE)
    assert torch.equal(rows[:, 0, 0], rows[:, 1, 0])
    assert not torch.equal(rows[:, 0, 3], rows[:, 1, 3])


@pytest.mark.parametrize("family", ["autoencoder", "vae"])
def test_the_most_used_units_of_a_trained_shape_are_drawn(family: str):
    built = build(family, {**WIDTH, "latent": 24})
    assert len(tiles(PICTURES["traversals"].draw(evidence_of(built)))) == UNITS * STEPS


def test_pictures_are_the_same_each_time_and_change_no_number():
    built = build("vae", WIDTH)

    def fresh() -> Evidence:
        given = dataset_evidence(dataset("digits"))
        return Evidence(given, EvalConfig({}, samples=64), model=built)

    e, other = fresh(), fresh()
    for spec in chosen_pictures(dataset("digits"), built, []):
        png = spec.draw(e)
        assert png == spec.draw(other), spec.name
        assert len(png) < 40_000, spec.name
    assert e.at_hand("test_codes") is None, "pictures look at the first images"
    untouched = fresh()
    for name in ("samples", "test_codes", "reconstructions"):
        assert torch.equal(e[name], untouched[name])


def test_a_map_of_codes_tells_clusters_apart():
    draws = np.random.default_rng(0)
    centres = draws.normal(size=(4, 12)) * 5
    classes = np.arange(200) % 4
    codes = (centres[classes] + draws.normal(size=(200, 12)) * 0.3).astype(np.float32)
    planes = code_planes(codes, 0)
    assert [heading.split(":")[0] for _, heading in planes][:2] == ["PCA", "t-SNE"]
    for points, _ in planes:
        means = np.stack([points[classes == k].mean(axis=0) for k in range(4)])
        nearest = ((points[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        assert (nearest == classes).all()


@pytest.mark.parametrize("shape", [(1, 3), (6, 1), (50, 1), (50, 2)])
def test_few_or_equal_codes_have_a_map_too(shape: tuple[int, int]):
    for codes in (np.zeros(shape, np.float32), np.arange(np.prod(shape)).reshape(shape)):
        for points, _ in code_planes(codes.astype(np.float32), 0):
            assert points.shape == (len(codes), 2)
            assert np.isfinite(points).all()


def test_weights_are_those_that_touch_images():
    mlp = build("autoencoder", MLP)
    shape = mlp.shape
    body = [p for _, p in sorted(mlp.networks["encoder"].named_parameters()) if p.ndim == 2]
    filters = encoder_filters(mlp.networks, shape)
    assert filters is not None
    assert filters.shape == (12, 1, SIDE, SIDE)
    assert any(torch.equal(filters.flatten(1), weight) for weight in body)
    x = torch.randn(1, 32)
    decoder: Any = mlp.networks["decoder"]
    added = decoder_filters(mlp.networks, shape)
    assert added is not None
    hidden = decoder.body[:-1](x)
    expected = (hidden @ added.flatten(1) + decoder.body[-1].bias).view(1, 1, SIDE, SIDE)
    torch.testing.assert_close(decoder(x), expected)
    conv = build("autoencoder", WIDTH)
    for found in (encoder_filters(conv.networks, shape), decoder_filters(conv.networks, shape)):
        assert found is not None
        assert found.shape == (8, 1, 4, 4)
    assert encoder_filters(build("contrastive", WIDTH).networks, shape) is not None
    assert decoder_filters(build("contrastive", WIDTH).networks, shape) is None


def test_filters_go_from_black_to_white_the_largest_first():
    pca = build("pca", {"components": 4})
    with torch.no_grad():
        components: Any = pca.networks["components"].components
        components.copy_(torch.eye(4, 256) * torch.tensor([[1.0], [-4.0], [2.0], [3.0]]))
    images = tiles(PICTURES["encoder-weights"].draw(evidence_of(pca)))[:4, 0].flatten(1)
    assert [int(image[k]) for image, k in zip(images, (1, 3, 2, 0), strict=True)] == [0, 255] + [
        255
    ] * 2
    assert int(images[0, 100]) in (127, 128), "grey is nothing"


def figure(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_the_codebook_says_how_many_entries_are_used():
    class Symbols:
        settings = type("Settings", (), {"entries": 16})

        def symbols(self, x: torch.Tensor) -> torch.Tensor:
            return (torch.arange(len(x)) % 3).view(-1, 1, 1)

    e = evidence_of(Symbols())
    caption = caption_of(PICTURES["codebook"].draw(e))
    perplexity = np.exp(entropy(np.bincount(np.concatenate([np.arange(250) % 3] * 2))))
    assert caption.startswith("3 of 16 entries are used by 500 test images; ")
    assert f"perplexity {perplexity:.1f}" in caption


class Halves:
    """Gives the upper half of an image back, and nothing of the lower."""

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        made = x.clone()
        made[:, :, 8:] = -1
        return made


def test_an_anomaly_map_is_red_where_the_error_is():
    e = evidence_of(Halves(), "digits[unseen=8]")
    sheet = tiles(PICTURES["anomaly-maps"].draw(e)).view(2, 3, 8, 3, SIDE, SIDE).int()
    images, made, maps = sheet.unbind(dim=1)
    normal = e["test_images"][~e["anomaly_labels"].bool()][:8]
    assert torch.equal(images[0, :, :1], normal.int())
    assert torch.equal(made[0, :, 0, :8], images[0, :, 0, :8])
    redness = maps[:, :, 0] - maps[:, :, 2]
    assert redness[:, :, :8].abs().max() == 0
    assert redness[:, :, 8:].max() > 200


def test_a_known_defect_stands_below_its_map():
    e = evidence_of(Halves(), "textures")
    size = e["test_images"].shape[-1]
    anomalous = e["anomaly_labels"].bool()
    columns = 8 if size <= 32 else 4
    sheet = tiles(PICTURES["anomaly-maps"].draw(e), size).view(2, 4, columns, -1, size, size)
    masks = e["anomaly_masks"][anomalous][:columns].view(columns, 1, size, size)
    assert torch.equal(sheet[1, 3].bool(), masks.bool().expand_as(sheet[1, 3]))
    assert not sheet[0, 3].any(), "normal images have none"


def test_the_threshold_is_set_on_the_validation_images_alone():
    on = "digits[unseen=8,validation=0.2]"
    e = evidence_of(Halves(), on)
    caption = caption_of(PICTURES["anomaly-scores"].draw(e))
    limit = float(e["validation_scores"].sort(descending=True).values[
        int(0.05 * len(e["validation_scores"]))
    ])  # fmt: skip
    scores, anomalous = e["anomaly_scores"], e["anomaly_labels"].bool()
    shares = [float((scores[kind] > limit).double().mean()) for kind in (~anomalous, anomalous)]
    assert caption == (
        f"Above the threshold lie {shares[0]:.1%} of the normal test images and {shares[1]:.1%} of "
        "the anomalous ones."
    )
    assert (
        caption_of(PICTURES["anomaly-scores"].draw(evidence_of(Halves(), "digits[unseen=8]"))) == ""
    )


def test_equal_scores_have_a_histogram():
    class Perfect:
        def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
            return x

    png = PICTURES["anomaly-scores"].draw(evidence_of(Perfect(), "digits[unseen=8]"))
    assert len(np.unique(figure(png).reshape(-1, 3), axis=0)) > 3


@pytest.mark.parametrize("highest", [0.007, 1.0, 12_345.0])
def test_numbers_below_a_linear_axis_are_few(monkeypatch: pytest.MonkeyPatch, highest: float):
    figures: list[Any] = []

    def drawn(width: float, height: float, draw: Callable[[Any], None], caption: str) -> bytes:
        figures.append(Figure(figsize=(width, height)))
        draw(figures[0])
        return b""

    monkeypatch.setattr(anomalies, "figure_png", drawn)
    values = dataset_evidence(dataset("digits[unseen=8]"))
    values["anomaly_scores"] = torch.linspace(highest / 10, highest, len(values["test_images"]))
    PICTURES["anomaly-scores"].draw(Evidence(values, EvalConfig({}), model=Halves()))
    axes = figures[0].axes[0]
    low, high = axes.get_xlim()
    assert 2 <= sum(low <= place <= high for place in axes.get_xticks()) <= 5
