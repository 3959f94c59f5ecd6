"""Subsets of the training images, and outliers among them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.data import Split, dataset_card, load_dataset
from harness.data.base import image_digest
from harness.data.load import each_class, load_untasked, stand_in
from harness.data.training_set import TrainingSet, training_set
from harness.evaluation.evidence import dataset_evidence

ALL = load_dataset("digits")


def pixels(split: Split) -> list[str]:
    return [image_digest(image) for image in split.images]


def numbered(count: int) -> Split:
    """Images of one pixel pair that have their number in the label."""
    return Split(torch.zeros(count, 1, 1, 2, dtype=torch.uint8), torch.arange(count))


def test_nothing_is_kept_out_or_replaced_unless_options_ask_for_it():
    train = numbered(9)
    assert TrainingSet(5).split("nine", train) == (train, None)
    assert TrainingSet().apply("nine", train) is train


def test_a_subset_is_of_the_training_images_alone_and_in_their_order():
    few = load_dataset("digits[train=100]")
    assert len(few.train) == 100
    places = [pixels(ALL.train).index(one) for one in pixels(few.train)]
    assert places == sorted(set(places))
    assert torch.equal(few.train.labels, ALL.train.labels[places])
    assert few.test.digest() == ALL.test.digest()
    assert few.name == "digits[train=100]"


@given(st.data())
def test_a_smaller_subset_is_part_of_every_larger_one(data):
    count = data.draw(st.integers(4, 300))
    large = data.draw(st.integers(3, count))
    small = data.draw(st.integers(2, large))
    labels = [
        set(TrainingSet(images).apply("t", numbered(count)).labels.tolist())
        for images in (small, large, count)
    ]
    assert [len(some) for some in labels] == [small, large, count]
    assert labels[0] <= labels[1] <= labels[2]


def test_the_subset_of_all_images_is_all_images():
    assert load_dataset("digits[train=1198]").train.digest() == ALL.train.digest()


def test_which_images_are_kept_and_what_noise_is_is_pinned():
    few = load_dataset("digits[train=20]").train
    assert few.labels.tolist() == [2, 4, 6, 4, 8, 4, 9, 0, 3, 5, 0, 3, 1, 4, 9, 8, 3, 9, 1, 7]
    noisy = load_dataset("digits[outliers=0.1,train=20]").train
    assert noisy.outliers.nonzero()[:, 0].tolist() == [6, 8]
    assert noisy.images[noisy.outliers][0, 0, 0, :4].tolist() == [36, 239, 243, 102]


def test_subsets_are_of_the_classes_that_training_sees():
    few = load_dataset("digits[train=50,unseen=8]")
    assert len(few.train) == 50
    assert 8 not in few.train.labels
    assert (few.test.labels == 8).any()
    assert each_class("digits[normal=each,train=9]")[3] == "digits[normal=3,train=9]"


def test_outliers_replace_their_share_and_keep_the_labels():
    noisy = load_dataset("digits[outliers=0.1]").train
    assert int(noisy.outliers.sum()) == 120
    assert torch.equal(noisy.labels, ALL.train.labels)
    kept = ~noisy.outliers
    assert torch.equal(noisy.images[kept], ALL.train.images[kept])
    noise = noisy.images[noisy.outliers]
    assert not (noise == ALL.train.images[noisy.outliers]).flatten(1).all(dim=1).any()
    assert load_dataset("digits").train.digest() == ALL.train.digest()  # nothing wrote to it


def test_noise_is_uniform_over_all_bytes_and_differs_between_images():
    noise = load_dataset("digits[outliers=0.5]").train
    values = noise.images[noise.outliers]
    counts = values.flatten().bincount(minlength=256).double()
    expected = values.numel() / 256
    chi_square = ((counts - expected).square() / expected).sum()
    assert 255 - 5 * 510**0.5 < chi_square < 255 + 5 * 510**0.5
    assert len(set(map(image_digest, values))) == len(values)


def test_every_subset_and_share_has_a_digest_of_its_own():
    names = ["digits", "digits[train=100]", "digits[train=101]"]
    names += ["digits[outliers=0.1]", "digits[outliers=0.2]", "digits[outliers=0.1,train=100]"]
    assert len({load_dataset(name).digest for name in names}) == len(names)
    assert load_dataset("digits[outliers=0]").digest == ALL.digest


def test_outliers_belong_to_the_training_images_that_a_task_shows():
    noisy = load_dataset("digits[denoise=gaussian-0.1,outliers=0.1]").train
    assert noisy.transform is not None
    assert int(noisy.outliers.sum()) == 120


def test_what_metrics_of_classes_read_leaves_outliers_out_and_memorisation_does_not():
    noisy = load_dataset("digits[outliers=0.25,train=100]")
    given_evidence = dataset_evidence(noisy)
    assert len(given_evidence["train_images"]) == 100
    assert int(given_evidence["train_outliers"].sum()) == 25
    assert len(given_evidence["train_labels"]) == 75
    assert torch.equal(given_evidence["train_labels"], noisy.train.labels[~noisy.train.outliers])
    shapes = load_dataset("shapes[outliers=0.1,test=10,train=50]")
    assert len(dataset_evidence(shapes)["train_factors"]) == 45


def test_a_set_keeps_an_option_of_that_name_that_is_its_own():
    assert len(load_dataset("shapes[test=10,train=50]").train) == 50
    assert len(load_untasked("shapes[test=10,train=50,unseen=1]").train) == 50
    both = load_dataset("stacked:digits[test=20,train=40,unpaired=dimmed]")
    assert len(both.train) == 40


def test_a_stand_in_needs_no_more_images_than_it_has():
    assert len(stand_in("fashion-mnist[train=1000]").train) == 20


def test_what_is_fetched_is_the_whole_set_once_the_options_fit():
    assert len(load_untasked("digits[outliers=0.1,train=100]").train) == 1198
    with pytest.raises(BadInput, match="train=1199, but there are 1,198"):
        load_untasked("digits[train=1199]")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits[train=0]", "train=0; right is a whole number from 2"),
        ("digits[train=1]", "train=1; right is a whole number from 2"),
        ("digits[train=0100]", "train=0100; right is a whole number from 2"),
        ("digits[train=-5]", "train=-5; right is"),
        ("digits[train=ten]", "train=ten; right is"),
        ("digits[outliers=1]", "outliers=1; right is a share from 0 to below 1"),
        ("digits[outliers=-0.1]", "outliers=-0.1; right is"),
        ("digits[outliers=nan]", "outliers=nan; right is"),
        ("digits[outliers=0.10]", "outliers=0.10; right is"),
        ("digits[outliers=1e-3]", "outliers=1e-3; right is"),
        ("digits[train=5,train=6]", "option 'train' is given twice"),
        ("digits[train=50,unpaired=dimmed]", "unpaired and train do not go together"),
        ("digits[outliers=0.1,unpaired=dimmed]", "unpaired and outliers do not go together"),
        ("digits[trian=5]", "unknown option 'trian'; did you mean 'train'"),
        ("mnist[train=60001]", "train=60001, but there are 60,000 training images"),
    ],
)
def test_an_option_that_cannot_be_is_one_line_before_anything_is_loaded(name, message):
    with pytest.raises(BadInput, match=message) as caught:
        dataset_card(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits[train=1199]", "train=1199, but there are 1,198 training images"),
        ("digits[normal=3,train=500]", "train=500, but there are 122 training images"),
        (
            "digits[outliers=0.1,train=4]",
            "makes 0 of 4 training images noise; right is from 1 to 2",
        ),
        (
            "digits[outliers=0.9,train=4]",
            "makes 4 of 4 training images noise; right is from 1 to 2",
        ),
        ("ring[outliers=0.1]", "no images of bytes, which outliers needs"),
        ("shapes[outliers=0.1,sources=outlines,test=9,train=50]", "are made from others"),
    ],
)
def test_an_option_that_the_images_do_not_suit_is_one_line(name, message):
    with pytest.raises(BadInput, match=message) as caught:
        load_dataset(name)
    assert "\n" not in str(caught.value)


def test_two_domains_on_disk_take_no_subset():
    two = Split(numbered(6).images, torch.arange(6) % 2, unpaired=True)
    with pytest.raises(BadInput, match="of two domains; train is for one"):
        training_set("t", {"train": "4"}).apply("t", two)


def test_validation_images_are_kept_out_of_training_and_test_images_stay():
    name = "digits[unseen=8,validation=0.2]"
    whole, kept = load_dataset("digits[unseen=8]"), load_dataset(name)
    assert kept.validation is not None
    assert len(kept.validation) == round(0.2 * len(whole.train))
    assert sorted(pixels(kept.train) + pixels(kept.validation)) == sorted(pixels(whole.train))
    assert not (kept.validation.labels == 8).any()
    assert kept.test.digest() == whole.test.digest()
    assert kept.digest != whole.digest
    assert whole.validation is None


def test_validation_images_come_before_a_subset_and_outliers():
    plain = load_dataset("digits[validation=0.2]").validation
    few = load_dataset("digits[outliers=0.1,train=100,validation=0.2]")
    assert plain is not None
    assert few.validation is not None
    assert len(few.train) == 100
    assert torch.equal(few.validation.images, plain.images)


def test_validation_images_get_what_a_task_makes_of_test_images():
    binary = load_dataset("digits[binarized=static,validation=0.2]").validation
    assert binary is not None
    assert set(binary.images.unique().tolist()) == {0, 255}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits[validation=1]", "validation=1; right is a share from 0 to below 1, such as 0.1"),
        ("digits[validation=0.0001]", "keeps 0 of 1,198 training images out; right is from 1 to"),
        ("digits[unpaired=dimmed,validation=0.1]", "unpaired and validation do not go together"),
    ],
)
def test_validation_images_that_cannot_be_are_one_line(name, message):
    with pytest.raises(BadInput, match=message):
        load_dataset(name)
