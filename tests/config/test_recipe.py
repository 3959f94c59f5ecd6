from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.config.recipe import list_recipes, load_recipe
from harness.core.errors import BadInput, SpecError
from harness.families.base import FamilySettings

DCGAN = """\
family: gan
paper: Radford et al. 2015, arXiv:1511.06434
description: A convolutional GAN.
width: 64
discriminator: {norm: batch, updates: 1}
optimizer:
  lr: 2.0e-4
  betas: [0.5, 0.999]
"""
WGAN = """\
extends: gan/dcgan
paper: Gulrajani et al. 2017, arXiv:1704.00028
discriminator: {norm: none}
optimizer:
  betas: [0.0]
"""


def test_a_recipe_is_what_it_says_and_settings_for_its_family(zoo):
    root = zoo({"models/gan/dcgan": DCGAN})
    recipe = load_recipe("gan/dcgan")
    assert (recipe.name, recipe.family) == ("gan/dcgan", "gan")
    assert recipe.paper.startswith("Radford")
    assert recipe.description == "A convolutional GAN."
    assert recipe.settings == {
        "width": 64,
        "discriminator": {"norm": "batch", "updates": 1},
        "optimizer": {"lr": 2e-4, "betas": [0.5, 0.999]},
    }
    assert recipe.sources == (root / "models/gan/dcgan.yaml",)
    assert list_recipes() == ["gan/dcgan"]


def test_extends_merges_mappings_and_replaces_everything_else(zoo):
    root = zoo({"models/gan/dcgan": DCGAN, "models/gan/wgan": WGAN})
    recipe = load_recipe("gan/wgan")
    assert recipe.family == "gan"
    assert recipe.paper.startswith("Gulrajani")
    assert recipe.settings == {
        "width": 64,
        "discriminator": {"norm": "none", "updates": 1},
        "optimizer": {"lr": 2e-4, "betas": [0.0]},
    }
    assert recipe.sources == (root / "models/gan/wgan.yaml", root / "models/gan/dcgan.yaml")


def test_every_setting_keeps_the_line_that_it_came_from(zoo):
    root = zoo({"models/gan/dcgan": DCGAN, "models/gan/wgan": WGAN})
    place = load_recipe("gan/wgan").document.place
    assert place(("optimizer", "lr")) == (root / "models/gan/dcgan.yaml", 7)
    assert place(("optimizer", "betas")) == (root / "models/gan/wgan.yaml", 5)
    assert place(("discriminator", "updates")) == (root / "models/gan/dcgan.yaml", 5)


def test_what_a_family_finds_wrong_is_said_of_the_inherited_line(zoo):
    root = zoo(
        {"models/base": "family: x\noptimizer: {lr: -1}\n", "models/own": "extends: base\nema: 0\n"}
    )
    recipe = load_recipe("own")
    with pytest.raises(ValidationError) as caught:
        FamilySettings.model_validate(recipe.settings)
    line = str(recipe.error(caught.value, FamilySettings))
    assert line == f"{root / 'models/base.yaml'}:2: optimizer.lr: -1: should be greater than 0"


def test_a_misspelt_setting_is_told_its_right_spelling(zoo):
    zoo({"models/own": "family: x\noptimizer: {rate: 1}\nbatchsize: 3\n"})
    recipe = load_recipe("own")
    with pytest.raises(ValidationError) as caught:
        FamilySettings.model_validate(recipe.settings)
    assert (
        "unknown key 'optimizer.rate'; known: betas, clip, kind, lr, schedule, weight_decay; "
        "also line 3: unknown key" in str(recipe.error(caught.value, FamilySettings))
    )
    assert "unknown key 'optimizer.rate'; also line 3: unknown key 'batchsize'" in str(
        recipe.error(caught.value)
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "family: x\nextends: a\n"}, r"a.yaml:2: .* extends itself: a → a"),
        ({"a": "extends: b\n", "b": "extends: a\n"}, r"b.yaml:1: .* itself: a → b → a"),
        ({"a": "extends: c\n", "b": "family: x\n"}, r"a.yaml:1: extends: unknown model 'c'"),
        ({"a": "extends: ab/d\n", "ab/c": "x: 1\n"}, "did you mean 'ab/c'"),
        ({"a": "extends: [b]\n"}, "a.yaml:1: extends: .* should be the name of one recipe"),
        ({"a": "width: 3\n"}, "a.yaml:1: key 'family' is missing"),
        ({"a": "family: 3\n"}, "a.yaml:1: family: 3: should be a valid string"),
        ({"a": "extends: ../../secret\n"}, "a.yaml:1: extends: unknown model"),
        ({"a": "extends: ../../secret.yaml\n"}, "a.yaml:1: extends: .* leads out of the folder"),
        ({"a": "extends: /etc/secret.yaml\n"}, "a.yaml:1: extends: .* leads out of the folder"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_one_line(zoo, files, message):
    zoo({f"models/{name}": text for name, text in files.items()})
    with pytest.raises(SpecError, match=message) as caught:
        load_recipe("a")
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_told_the_nearest(zoo):
    zoo({"models/gan/dcgan": DCGAN})
    with pytest.raises(BadInput, match="unknown model 'gan/dcgn'; did you mean 'gan/dcgan'"):
        load_recipe("gan/dcgn")


def test_files_of_ones_own_extend_each_other_and_the_zoo(zoo, tmp_path):
    zoo({"models/gan/dcgan": DCGAN})
    (tmp_path / "base.yaml").write_text("extends: gan/dcgan\nwidth: 8\n")
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nema: 0.9\n")
    recipe = load_recipe("mine.yaml", tmp_path)
    assert recipe.name == "mine.yaml"
    assert (recipe.settings["width"], recipe.settings["ema"]) == (8, 0.9)
    assert len(recipe.sources) == 3


@pytest.mark.parametrize("name", ["../mine.yaml", "/mine.yaml", "sub/../../mine.yaml"])
def test_a_files_name_does_not_lead_out_of_its_folder(zoo, tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "mine.yaml").write_text("family: x\n")
    with pytest.raises(BadInput, match="leads out of the folder"):
        load_recipe(name, folder)


def test_an_ablation_names_what_it_lacks_a_part_of_and_its_children_are_none(tmp_path: Path):
    (tmp_path / "less.yaml").write_text("extends: autoencoder/conv\nablation: true\n")
    (tmp_path / "child.yaml").write_text("extends: less.yaml\nlatent: 8\n")
    less = load_recipe("less.yaml", tmp_path)
    assert less.ablates == "autoencoder/conv"
    assert "ablation" not in less.settings
    assert not load_recipe("child.yaml", tmp_path).ablates
    (tmp_path / "none.yaml").write_text("family: autoencoder\nablation: true\n")
    with pytest.raises(SpecError, match=r"none.yaml:\d+: .*ablation: true needs 'extends'"):
        load_recipe("none.yaml", tmp_path)
