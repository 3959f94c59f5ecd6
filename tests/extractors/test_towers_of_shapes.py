"""The pinned networks of `shapes`, and their training on a set that takes a moment."""

import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.extractors import (
    list_extractors,
    load_extractor,
    load_factor_reader,
    load_text_image,
    preflight,
)
from harness.extractors.train_towers import (
    TowerRecipe,
    TowerTraining,
    train_dual_encoder,
    train_factor_net,
)
from harness.metrics import clip_score, r_precision
from harness.networks.classifier_net import read_metadata
from harness.networks.tower_weights import FILES, tower_path

TINY = TowerRecipe(epochs=6, batch_size=50)


@pytest.fixture(scope="module")
def shapes():
    """The first 300 test images, none of which training showed."""
    return load_dataset("shapes[train=400,test=300]")


@pytest.mark.parametrize("name", FILES)
def test_committed_weights(name):
    assert tower_path(name).stat().st_size <= 2**20
    [weights] = preflight(name)
    assert weights.sha256 == FILES[name][1]
    record = read_metadata(tower_path(name))
    assert record["dataset"] == "shapes"
    assert record["test_accuracy"]["all"] > 0.98
    assert "%" in dict(list_extractors())[name]


def test_factors_are_read_and_the_class_is_the_shape(shapes):
    reader, test = load_factor_reader("classifier:shapes"), shapes.test
    assert float((reader.read(test.images) == test.factors).double().mean()) > 0.999
    extracted = load_extractor("classifier:shapes").extract(test.images)
    assert extracted.pooled.shape == (300, 128)
    assert float((extracted.logits.argmax(dim=1) == test.labels).double().mean()) > 0.99


def test_the_rule_and_the_network_agree_on_images_that_are_somewhat_off(shapes):
    blurred = torch.nn.functional.avg_pool2d(shapes.test.images[:60].float(), 3, 1, 1)
    images = blurred.round().byte()
    rule, network = (load_factor_reader(n) for n in ("rendering:shapes", "classifier:shapes"))
    alike = (rule.read(images) == network.read(images)).double().mean(dim=0)
    assert float(alike[[0, 3, 4, 5]].min()) > 0.9


def test_a_text_is_nearest_to_its_own_image(shapes):
    network, test = load_text_image("dual-encoder:shapes"), shapes.test
    images, texts = network.embed_images(test.images), network.embed_texts(test.texts)
    assert float(r_precision(images, texts).mean()) > 0.99
    own, other = ((images * t).sum(dim=1) for t in (texts, texts.roll(1, dims=0)))
    assert float(clip_score(own).mean()) > float(clip_score(other).mean()) + 40


def test_what_they_do_not_take_is_refused(shapes):
    network = load_text_image("dual-encoder:shapes")
    with pytest.raises(BadInput, match="no training text has the word 'cat'"):
        network.embed_texts(["a cat"])
    with pytest.raises(BadInput, match="takes 3×32×32 images, not 3×64×64"):
        network.check(3, 64)
    with pytest.raises(BadInput, match="images of 3 channels, not 1"):
        load_factor_reader("rendering:shapes").check(1, 32)


def test_training_learns_and_one_seed_gives_one_file(shapes, tmp_path):
    for number, train in enumerate((train_factor_net, train_dual_encoder)):
        paths = [tmp_path / f"{number}{name}" for name in "abc"]
        for path, seed in zip(paths, (0, 0, 1), strict=True):
            torch.rand(1)  # what else is drawn must not matter
            shares = train(shapes, path, TowerTraining(TINY, seed))
        first, second, other = (path.read_bytes() for path in paths)
        assert first == second
        assert first != other
        assert read_metadata(paths[2])["test_accuracy"] == shares
        assert max(shares.values()) > 0.5  # chance is 1/4 at most


def test_datasets_without_factors_or_texts_are_refused(tmp_path):
    digits = load_dataset("digits")
    with pytest.raises(BadInput, match="digits has no factors to read"):
        train_factor_net(digits, tmp_path / "x")
    with pytest.raises(BadInput, match="digits has no texts"):
        train_dual_encoder(digits, tmp_path / "x")
