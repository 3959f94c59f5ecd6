"""The tasks made from any dataset, and how training is shown them."""

import pytest
import torch

from harness.core.errors import BadInput
from harness.data import Batches, Dataset, Split, dataset_card, load_dataset, to_float
from harness.data.load import each_class
from harness.data.tasks import one_class_options, task, unseen_classes
from harness.metrics import dequantise

CLEAN = load_dataset("digits")
RESTORATION = [
    "digits[denoise=gaussian-0.1]", "digits[inpaint=random-0.5]", "digits[super=4]",
]  # fmt: skip


@pytest.mark.parametrize("name", RESTORATION)
def test_every_model_is_shown_the_same_damage_whatever_its_batch_size(name: str):
    train = load_dataset(name).train
    few, many = (Batches(train, size, seed=3) for size in (5, 20))
    shown = many.batch(70)  # of the second epoch
    pieces = [few.batch(index) for index in range(280, 284)]
    for field in ("x", "labels", "source", "mask"):
        whole = getattr(shown, field)
        if whole is None:
            assert field == "mask"
            assert "inpaint" not in name
        else:
            assert torch.equal(whole, torch.cat([getattr(piece, field) for piece in pieces]))
    plain = Batches(CLEAN.train, 20, seed=3).batch(70)
    assert torch.equal(shown.x, plain.x)
    assert not torch.equal(shown.x, shown.source)


def test_damage_is_fresh_in_each_epoch_and_for_each_seed():
    one = Split(CLEAN.train.images[:1], CLEAN.train.labels[:1])
    train, _ = task("t", {"denoise": "gaussian-0.1"}).apply("t", one, one)
    sources = [Batches(train, 1, seed).batch(index).source for seed in (0, 1) for index in (0, 1)]
    assert len({tuple(source.flatten().tolist()) for source in sources}) == 4


@pytest.mark.parametrize("damage", [{"denoise": "masking-0.5"}, {"inpaint": "random-0.5"}])
def test_training_sees_other_damage_than_the_test_does(damage: dict[str, str]):
    """Even of the same images, at the same places, by every seed and in every epoch."""
    few = Split(CLEAN.train.images[:4], CLEAN.train.labels[:4])
    train, test = task("t", damage).apply("t", few, few)
    tested = {tuple(image.flatten().tolist()) for image in to_float(test.sources)}
    for seed in range(3):
        for epoch in range(3):
            shown = Batches(train, 4, seed).batch(epoch).source
            assert tested.isdisjoint(tuple(image.flatten().tolist()) for image in shown)


def test_test_images_are_damaged_once_and_for_all():
    first, again = (load_dataset("digits[inpaint=box]").test for _ in range(2))
    assert torch.equal(first.sources, again.sources)
    assert torch.equal(first.known, again.known)
    assert first.digest() == again.digest()
    kept = load_dataset("digits[inpaint=box,unseen=8]").normal_test
    assert torch.equal(kept.sources, first.sources[first.labels != 8])


def test_every_task_has_a_digest_of_its_own():
    names = [
        *RESTORATION, "digits", "digits[denoise=gaussian-0.2]", "digits[binarized=dynamic]",
        "digits[binarized=static]", "digits[dequantized=uniform]", "digits[unseen=8]",
    ]  # fmt: skip
    sets = [load_dataset(name) for name in names]
    assert len({s.digest for s in sets}) == len({s.train.digest() for s in sets}) == len(names)


def test_pairs_are_shown_together():
    index = torch.arange(50, dtype=torch.uint8)[:, None, None, None]
    pairs = Split(index, index.flatten().long(), sources=index.expand(-1, 3, -1, -1) + 1)
    shown = Batches(pairs, 8, seed=0).batch(9)
    assert shown.source.shape == (8, 3, 1, 1)
    assert torch.allclose(shown.source[:, :1], shown.x + 1 / 127.5)
    assert shown.mask is None


def test_binarised_images_are_black_or_white_as_often_as_they_are_bright():
    bright = torch.full((2000, 1, 4, 4), 51, dtype=torch.uint8)
    split = Split(bright, torch.zeros(2000, dtype=torch.int64))
    train, test = task("t", {"binarized": "static"}).apply("t", split, split)
    for part in (train, test):
        assert set(part.images.unique().tolist()) == {0, 255}
        assert part.images.double().mean().item() / 255 == pytest.approx(0.2, abs=0.01)
    assert not torch.equal(train.images, test.images)
    dynamic, test_again = task("t", {"binarized": "dynamic"}).apply("t", split, split)
    assert torch.equal(test_again.images, test.images)
    whole = Dataset("t", dynamic, test, dataset_card("digits"), binary=True)
    assert torch.equal(whole.train_images, train.images), "what samples and codes compare with"
    batches = Batches(dynamic, 2000, seed=0)
    first, second = (batches.batch(index).x for index in range(2))
    assert set(first.unique().tolist()) == {-1.0, 1.0}
    assert first.mean().item() == pytest.approx(-0.6, abs=0.02)
    assert not torch.equal(first, second)


def test_black_and_white_stay_and_a_threshold_is_one():
    images = torch.tensor([0, 127, 128, 255], dtype=torch.uint8).view(1, 1, 2, 2)
    split = Split(images, torch.zeros(1, dtype=torch.int64))
    _, drawn = task("t", {"binarized": "static"}).apply("t", split, split)
    assert drawn.images.flatten()[[0, 3]].tolist() == [0, 255]
    _, cut = task("t", {"binarized": "threshold"}).apply("t", split, split)
    assert cut.images.flatten().tolist() == [0, 0, 255, 255]


def test_training_is_dequantised_as_the_test_images_of_a_likelihood_are():
    train = load_dataset("digits[dequantized=uniform]").train
    assert torch.equal(train.images, CLEAN.train.images)
    x = Batches(train, 500, seed=0).batch(0).x
    clean = Batches(CLEAN.train, 500, seed=0).batch(0).x
    noise = (x - clean) * 127.5
    assert noise.abs().max() <= 0.5 + 1e-4
    assert noise.std().item() == pytest.approx((1 / 12) ** 0.5, rel=0.01)
    theirs = dequantise(CLEAN.test.images, torch.Generator().manual_seed(0))
    theirs = (theirs - to_float(CLEAN.test.images)) * 127.5
    assert theirs.std().item() == pytest.approx(noise.std().item(), rel=0.02)


def test_normal_is_the_other_way_to_say_unseen():
    one = load_dataset("digits[normal=8]")
    assert one.unseen == (0, 1, 2, 3, 4, 5, 6, 7, 9)
    assert set(one.train.labels.tolist()) == {8}
    assert set(one.normal_test.labels.tolist()) == {8}
    two, other = load_dataset("digits[normal=3+7]"), load_dataset("digits[unseen=0+1+2+4+5+6+8+9]")
    assert two.digest == other.digest


CLASSES = ("T-shirt/top", "Trouser", "Pullover")


@pytest.mark.parametrize("text", ["1", "trouser", "Trouser", "1+trouser"])
def test_classes_have_names_as_well_as_numbers(text: str):
    assert unseen_classes("f", {"unseen": text}, CLASSES) == (1,)


def test_other_characters_of_names_are_written_as_dashes():
    assert unseen_classes("f", {"normal": "t-shirt-top"}, CLASSES) == (1, 2)


def test_each_stands_for_one_dataset_a_class():
    names = each_class("digits[unseen=each,denoise=gaussian-0.1]")
    assert names[8] == "digits[denoise=gaussian-0.1,unseen=8]"
    assert len(names) == 10
    assert each_class("digits[unseen=3+7]") == ["digits[unseen=3+7]"]
    assert dataset_card("digits[normal=each]").classes == dataset_card("digits").classes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits[unseen=each]", "stands for one dataset a class, and only in suites"),
        ("digits[unseen=1,normal=2]", "say the same in two ways"),
        ("digits[normal=0+1+2+3+4+5+6+7+8+9]", "all 10 classes are normal; leave one to tell"),
        ("digits[denoise=gaussian-0.1,super=2]", "denoise and super do not go together"),
        ("digits[denoise=gaussian]", "denoise=gaussian: right are gaussian-0.1"),
        ("digits[binarized=larochelle]", "right is static, dynamic or threshold"),
        ("digits[dequantized=gaussian]", "right is uniform"),
    ],
)
def test_a_wrong_task_is_one_helpful_line(name: str, message: str):
    with pytest.raises(BadInput) as caught:
        load_dataset(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "images", "message"),
    [
        ({"super": "4"}, torch.zeros(2, 1, 10, 10).byte(), "10 pixels a side cannot be divided"),
        ({"binarized": "static"}, torch.zeros(2, 3, 8, 8).byte(), "binarized is for grey images"),
        ({"denoise": "masking-0.1"}, torch.zeros(2, 2, 1, 1), "no images of bytes"),
    ],
)
def test_images_that_do_not_suit_the_task(options: dict, images: torch.Tensor, message: str):
    split = Split(images, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(BadInput, match=f"t: .*{message}"):
        task("t", options).apply("t", split, split)


def test_each_class_in_turn_needs_two():
    each = {"unseen": "each", "size": "16"}
    assert one_class_options("pets", each, ("cat", "dog")) == [
        {"unseen": "0", "size": "16"},
        {"unseen": "1", "size": "16"},
    ]
    with pytest.raises(BadInput, match="pets: has no two classes to take in turn"):
        one_class_options("pets", each, ("cat",))
    assert one_class_options("pets", {"size": "16"}, ("cat",)) == [{"size": "16"}]
