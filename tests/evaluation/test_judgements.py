"""What the discriminators of real models say."""

import pytest
import torch

from harness.data import load_dataset
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.protocols import Setup, obstacle
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.metrics import load_metric
from harness.plan import shape_of
from harness.spec.recipe import load_recipe
from harness.training.init import initialise

DATASET = load_dataset("digits")
SETUP = Setup({}, samples=40)


def model(name: str):
    recipe = load_recipe(name)
    built = initialise(
        lambda: build_family(recipe.family, recipe.settings, shape_of(DATASET)), seed=0
    )
    built.networks.eval()
    return built


@pytest.mark.parametrize(("name", "kind"), [("gan/dcgan", "odds"), ("gan/wgan-gp", "critic")])
def test_it_is_asked_about_test_images_and_about_the_samples_as_they_are_measured(name, kind):
    gan = model(name)
    e = Evidence(dataset_evidence(DATASET), SETUP, model=gan)
    on_test, on_samples = e[f"{kind}_on_test"], e[f"{kind}_on_samples"]
    assert on_test.shape == (len(DATASET.normal_test),)
    with torch.no_grad():
        whole = gan.networks["discriminator"](to_float(e["samples"]))[:, 0]
    torch.testing.assert_close(on_samples, whole)


@pytest.mark.parametrize(
    ("metric", "name", "expected"),
    [
        ("critic_distance", "gan/wgan-gp", None),
        ("jensen_shannon_bound", "gan/dcgan", None),
        ("critic_distance", "gan/dcgan",
         "gan/dcgan's discriminator gives of images the odds that they are real"),
        ("discriminator_on_test", "gan/wgan-gp",
         "gan/wgan-gp's discriminator gives of images a critic's values"),
        ("discriminator_confidence", "gan/dcgan-conditional",
         "gan/dcgan-conditional's discriminator judges images of a class"),
        ("discriminator_on_samples", "vae/vae", "vae/vae has no discriminator"),
    ],
)  # fmt: skip
def test_who_can_be_asked(metric, name, expected):
    subject = model_subject(name, model(name), DATASET, 40)
    assert obstacle(load_metric(metric), subject, SETUP) == expected
