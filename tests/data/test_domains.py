"""Two domains to translate between, made from any set."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data import Batches, Split, load_dataset, to_uint8
from harness.data.domains import inverted, outlines
from harness.data.generated.sprites import edges
from harness.data.index_sampler import Interleaved, ShuffledEpochs

DIGITS = load_dataset("digits")


def keys(images: torch.Tensor) -> list[bytes]:
    return [image.numpy().tobytes() for image in images]


def test_outlines_are_those_of_sprites_and_keep_their_colour():
    random = np.random.RandomState(0)
    masks = random.randint(0, 256, (5, 8, 8)).astype(np.uint8)
    found = outlines(torch.from_numpy(masks)[:, None])
    assert np.array_equal(found[:, 0].numpy(), edges(masks))
    square = torch.zeros(1, 3, 6, 6, dtype=torch.uint8)
    square[0, :, 1:5, 1:5] = torch.tensor([200, 100, 0], dtype=torch.uint8)[:, None, None]
    hollow = square.clone()
    hollow[:, :, 2:4, 2:4] = 0
    assert torch.equal(outlines(square), hollow)


@pytest.mark.parametrize(("how", "change"), [("outlines", outlines), ("inverted", inverted)])
def test_no_training_image_has_its_counterpart_and_every_test_image_has(how, change):
    made = load_dataset(f"digits[unpaired={how}]")
    assert made.card.classes == (how, "images")
    assert made.unpaired
    images, labels = made.train.images, made.train.labels
    assert labels.bincount().tolist() == [599, 599]
    plain = keys(DIGITS.train.images)
    first, second = (set(keys(images[labels == domain])) for domain in (0, 1))
    assert second < set(plain)
    made_of = {k for k, i in zip(plain, change(DIGITS.train.images), strict=True)
               if i.numpy().tobytes() in first}  # fmt: skip
    assert not made_of & second
    a, b = (made.test.labels == domain for domain in (0, 1))
    assert torch.equal(made.test.images[b], DIGITS.test.images)
    assert torch.equal(made.test.sources[a], DIGITS.test.images)
    assert torch.equal(made.test.images[a], change(made.test.sources[a]))
    assert torch.equal(made.test.sources[b], made.test.images[a])


def test_two_classes_are_domains_in_the_order_of_their_names():
    made = load_dataset("digits[unpaired=8+3]")
    assert made.card.classes == ("8", "3")
    assert torch.equal(
        made.train.images[made.train.labels == 1], DIGITS.train.images[DIGITS.train.labels == 3]
    )
    assert torch.isin(DIGITS.test.labels, torch.tensor([3, 8])).sum() == len(made.test)
    assert made.test.sources is None


def test_training_shows_each_domain_in_turn_whatever_the_batch_size():
    split = Split(
        torch.arange(7, dtype=torch.uint8)[:, None, None, None],
        torch.tensor([0, 1, 1, 0, 1, 1, 1]), unpaired=True,
    )  # fmt: skip
    shown = {size: [Batches(split, size, seed=3, flip=True).batch(i) for i in range(60 // size)]
             for size in (1, 3, 4, 20)}  # fmt: skip
    x = {size: torch.cat([b.x for b in batches]).flatten() for size, batches in shown.items()}
    assert all(torch.equal(x[size], x[4]) for size in (1, 3, 20))
    labels = torch.cat([batch.labels for batch in shown[20]])
    assert labels.tolist() == [0, 1] * 30
    images = to_uint8(x[4])
    for domain, members in ((0, {0, 3}), (1, {1, 2, 4, 5, 6})):
        sequence = images[domain::2].tolist()
        for start in range(0, 30 - len(members) + 1, len(members)):
            assert set(sequence[start : start + len(members)]) == members, "an epoch of its own"


def test_places_in_turn_are_those_of_the_two_sequences():
    parts = [ShuffledEpochs(torch.arange(n), 0, ("domain", n), torch.device("cpu")) for n in (3, 5)]
    together = Interleaved(*parts).indices(7, 18)
    first, second = parts[0].indices(4, 9), parts[1].indices(3, 9)
    for both, one, other in zip(together, first, second, strict=True):
        assert both[1::2].tolist() == one.tolist()
        assert both[0::2].tolist() == other.tolist()


def test_another_task_takes_the_place_of_translation(tmp_path):
    for part in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / "x" / part).mkdir(parents=True)
        for i in range(3):
            Image.new("L", (8, 8), 10 * i + len(part)).save(tmp_path / "x" / part / f"{i}.png")
    assert load_dataset("unpaired:x", tmp_path).unpaired
    for task in ("unseen=1", "denoise=gaussian-0.1"):
        other = load_dataset(f"unpaired:x[{task}]", tmp_path)
        assert not other.unpaired
        Batches(other.train, 4, seed=0).batch(0)


def test_the_domains_are_part_of_the_digest():
    sets = [load_dataset(name) for name in (
        "digits", "digits[unpaired=outlines]", "digits[unpaired=inverted]",
        "digits[unpaired=3+8]", "digits[unpaired=8+3]",
    )]  # fmt: skip
    assert len({s.train.digest() for s in sets}) == len({s.digest for s in sets}) == len(sets)
    one = Split(DIGITS.train.images, DIGITS.train.labels.clamp(max=1))
    assert one.digest() != Split(one.images, one.labels, unpaired=True).digest()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits[unpaired=edges]", "right are outlines, inverted, dimmed, or two classes"),
        ("digits[unpaired=3]", "or two classes of the set joined by +"),
        ("digits[unpaired=3+3]", "or two classes"),
        ("digits[unpaired=3+11]", "or two classes"),
        ("digits[unpaired=outlines,unseen=3]", "unpaired and unseen do not go together"),
        ("digits[unpaired=outlines,super=2]", "unpaired and super do not go together"),
        ("ring[unpaired=outlines]", "no images of bytes, which unpaired needs"),
        ("shapes[train=9,test=9,sources=outlines,unpaired=inverted]", "from others already"),
        ("textures[unpaired=inverted]", "its classes are defects"),
        ("shapes[train=2,test=9,unpaired=inverted]", "1 train images of inverted; 2 are needed"),
    ],
)
def test_what_cannot_be_is_one_helpful_line(name: str, message: str):
    with pytest.raises(BadInput) as caught:
        load_dataset(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
