import pytest

from harness.config.training_fraction import fraction_name, is_fraction, split_fraction, split_place


@pytest.mark.parametrize("at", [0.5, 0.1, 0.025, 0.01, 1e-05, 1.25e-07, 0.9999999])
def test_a_point_is_told_from_models_by_its_name(at):
    assert is_fraction(fraction_name("gan/dcgan", at))
    assert split_fraction(fraction_name("gan/dcgan", at)) == ("gan/dcgan", at)


@pytest.mark.parametrize(
    "name", ["gan/dcgan", "mine@0.5.yaml", "me@home", "v@2", "training images"]
)
def test_a_model_is_no_point(name):
    assert not is_fraction(name)
    assert fraction_name(name, 1.0) == name
    assert split_fraction(name) == (name, 1.0)


@pytest.mark.parametrize(
    ("name", "model", "place"),
    [
        ("gan/dcgan@digits#0", "gan/dcgan", "digits#0"),
        ("gan/dcgan@0.5@digits[unseen=8]", "gan/dcgan@0.5", "digits[unseen=8]"),
        ("gan/dcgan@folder:a@b", "gan/dcgan", "folder:a@b"),
        ("gan/dcgan@0.5", "gan/dcgan", "0.5"),
    ],
)
def test_a_model_and_where_it_was_trained(name, model, place):
    assert split_place(name) == (model, place)
