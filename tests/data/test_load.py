import pytest
import torch

from harness.core.errors import BadInput
from harness.data import DATASETS, Dataset, DatasetCard, Source, Split, dataset_card, load_dataset
from harness.data.load import default_root


def test_unseen_classes_are_left_out_of_training_only():
    whole, task = load_dataset("digits"), load_dataset("digits[unseen=3+7]")
    assert task.name == "digits[unseen=3+7]"
    assert task.unseen == (3, 7)
    assert set(task.train.labels.tolist()) == {0, 1, 2, 4, 5, 6, 8, 9}
    assert torch.equal(task.test.images, whole.test.images)
    assert set(task.test.labels[task.anomalous].tolist()) == {3, 7}
    assert len(task.normal_test) == len(whole.test) - int(task.anomalous.sum())
    assert task.digest != whole.digest


def test_without_unseen_classes_nothing_is_anomalous():
    digits = load_dataset("digits")
    assert not digits.anomalous.any()
    assert digits.normal_test is digits.test


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digts", "unknown dataset 'digts'; did you mean 'digits'?"),
        ("digits[unsen=8]", "unknown option 'unsen'; did you mean 'unseen'?"),
        ("digits[unseen=10]", "numbers from 0 to 9, or names, joined by +"),
        ("digits[unseen=eight]", "numbers from 0 to 9, or names, joined by +"),
        ("digits[unseen=0+1+2+3+4+5+6+7+8+9]", "all 10 classes are unseen"),
        ("digits[unseen]", "is not an option; the form is NAME"),
        ("shapes:cats", "shapes:cats: the form is shapes"),
        ("folder", "folder: the form is folder:"),
        ("os.path:join", "is a function, not a Source of harness.data"),
        ("no.such:thing", "cannot be imported"),
    ],
)
def test_a_wrong_name_is_one_helpful_line(name, message):
    for use in (dataset_card, load_dataset):
        with pytest.raises(BadInput) as caught:
            use(name)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion-mnist", "cifar10"])
def test_every_dataset_says_what_it_is_without_being_loaded(name):
    said = dataset_card(name)
    assert len(said.classes) == 10
    assert all([said.title, said.licence, said.citation, said.extractor, said.perceptual])


def test_small_grey_sets_are_not_judged_by_inception():
    assert dataset_card("mnist").extractor == "classifier:mnist"
    assert dataset_card("cifar10").extractor == "inception"


STRIPES = Source(
    DatasetCard("Stripes", "CC0", "nobody 2026", ("across", "down"), "inception", "lpips:alex"),
    lambda root: (_stripes(8), _stripes(4)),
)


def _stripes(n: int) -> Split:
    return Split(torch.zeros(n, 1, 8, 8, dtype=torch.uint8), torch.arange(n) % 2)


def test_a_dataset_of_another_package_is_loaded_by_module_and_attribute(monkeypatch, tmp_path):
    monkeypatch.setitem(DATASETS.builtin, "stripes", f"{__name__}:STRIPES")
    dataset = load_dataset("stripes[unseen=1]", tmp_path)
    assert isinstance(dataset, Dataset)
    assert (len(dataset.train), len(dataset.test)) == (4, 4)


def test_the_data_root_is_an_environment_variable_or_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("HARNESS_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "harness" / "data"
