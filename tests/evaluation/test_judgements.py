"""What the discriminators of real models say."""

import copy

import pytest
import torch

from harness.config.recipe import load_recipe
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.protocols import EvalConfig, obstacle
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.metrics import load_metric
from harness.plan import shape_of
from harness.training.checkpoint import load_weights, save_weights
from harness.training.init import initialise
from harness.training.loop import train

DATASET = load_dataset("digits")
IMAGES = DATASET.normal_test.images[:16]
SETUP = EvalConfig({}, samples=40)


def model(name: str):
    recipe = load_recipe(name)
    built = initialise(
        lambda: build_family(recipe.family, recipe.settings, shape_of(DATASET)), seed=0
    )
    built.networks.eval()
    return built


def trained(name: str):
    """A model after some steps, with an average that differs from the raw weights."""
    recipe = load_recipe(name)
    settings = recipe.settings | {"ema": 0.9, "batch_size": 8}
    built = initialise(lambda: build_family(recipe.family, settings, shape_of(DATASET)), seed=0)
    cpu = torch.device("cpu")
    train(built, Batches(DATASET.train, 8, 0, cpu), 80, 0, device=cpu)
    return built


def in_training(network, x):
    """What a copy of a network gives in training mode."""
    return copy.deepcopy(network).train()(x).detach()


@pytest.mark.parametrize(("name", "kind"), [("gan/dcgan", "odds"), ("gan/wgan-gp", "critic")])
def test_a_discriminator_is_read_as_it_was_trained(name, kind):
    """In training it saw batches of one kind, of the generator that is not averaged."""
    gan = trained(name)
    setup = EvalConfig({}, samples=16)
    e = Evidence(dataset_evidence(DATASET) | {"reference_images": IMAGES}, setup, model=gan)
    before = {key: tensor.clone() for key, tensor in gan.networks.state_dict().items()}
    on_test, on_samples = e[f"{kind}_on_test"], e[f"{kind}_on_samples"]
    discriminator = gan.networks["discriminator"]
    for outputs, images in ((on_test, IMAGES), (on_samples, e["opponent_samples"])):
        halves = [in_training(discriminator, x)[:, 0] for x in to_float(images).split(8)]
        torch.testing.assert_close(outputs, torch.cat(halves))
    after = gan.networks.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not discriminator.training


def test_its_opponent_has_the_raw_weights_and_the_moments_of_a_batch():
    gan = trained("gan/dcgan")
    raw, averaged = gan.raw["generator"], gan.networks["generator"]
    assert not torch.equal(next(raw.parameters()), next(averaged.parameters()))
    z = gan.latents(8, torch.Generator().manual_seed(5))
    made = gan.opponent_samples(8, torch.Generator().manual_seed(5))
    torch.testing.assert_close(made, in_training(raw, z))
    assert (made - averaged(z)).abs().max() > 0.1


def test_raw_weights_are_kept_with_the_averaged_ones(tmp_path):
    first, other = trained("gan/dcgan"), model("gan/dcgan")
    save_weights(first, tmp_path / "model.safetensors")
    load_weights(other, tmp_path / "model.safetensors")
    for weights in ("networks", "raw"):
        kept, read = (getattr(gan, weights).state_dict() for gan in (first, other))
        assert kept.keys() == read.keys()
        assert all(torch.equal(kept[key], read[key]) for key in kept)


@pytest.mark.parametrize(
    ("metric", "name", "expected"),
    [
        ("critic_distance", "gan/wgan-gp", None),
        ("jensen_shannon_bound", "gan/dcgan", None),
        ("critic_distance", "gan/dcgan",
         "gan/dcgan's discriminator outputs the odds that images are real"),
        ("discriminator_on_test", "gan/wgan-gp",
         "gan/wgan-gp's discriminator outputs a critic's values"),
        ("discriminator_confidence", "gan/dcgan-conditional",
         "gan/dcgan-conditional's discriminator judges images of a class"),
        ("discriminator_on_samples", "vae/vae", "vae/vae has no discriminator"),
    ],
)  # fmt: skip
def test_who_can_be_asked(metric, name, expected):
    subject = model_subject(name, model(name), DATASET, 40)
    assert obstacle(load_metric(metric), subject, SETUP) == expected
