from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data import DATASETS, dataset_card, load_dataset
from harness.data.frames import unfold
from harness.data.generated import polygons, sprites
from harness.data.generated.moving import FASTEST, VELOCITIES, paths

SMALL = "train=60,test=20"
DIGESTS = {
    f"polygons[{SMALL}]": ("6de7e7cbfeb82cfbe96486619ed7f6552784d0bd3cce8f640006a5c290f193fb"),
    f"polygons[{SMALL},vertices=5]": (
        "2721b4a16735cf4f5513ddbcba46a2fc9f3ea0ddd05747897bc1e56e8ef96dbc"
    ),
    f"shapes[{SMALL}]": ("230f26263b3b75ac505b96da3c3f9e4138911267060fe774663ca44a4e6b85d6"),
    f"shapes[{SMALL},size=64,sources=outlines]": (
        "e8f77aaf547508afe7ea22c949081658b22d54ec3e9b229b5870c40222674a7b"
    ),
    f"symmetric[{SMALL}]": ("442c5b3acb8f43e54b7af8efcde5198c9c13f0edeaf4545f8d0f96639ff85b62"),
    f"stacked:digits[{SMALL}]": (
        "d47ce43a2e3b998688bf74abd95973f2fdd7175ea4282635917d22c885381e92"
    ),
    f"moving:shapes[{SMALL}]": ("4606ff6582ec77836b7efdb5c957363d9cd1a6970efbb17fb00d17868d57f324"),
    f"moving:digits[{SMALL},frames=3,size=24]": (
        "e2c6def2fff011507729fd139c45673f9c38db0ab690353ab10ac6b937eef170"
    ),
}


@pytest.mark.parametrize("name", DIGESTS)
def test_the_bytes_are_the_same_everywhere(name: str, tmp_path: Path):
    dataset = load_dataset(name, tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (60, 20)
    assert dataset.digest == DIGESTS[name]
    assert dataset.train.digest() != dataset.test.digest()


@pytest.mark.parametrize("name", ["polygons", "shapes", "symmetric", "moving:shapes"])
def test_fewer_images_are_the_first_of_more(name: str, tmp_path: Path):
    few, more = (load_dataset(f"{name}[train={n},test={n}]", tmp_path) for n in (5, 9))
    assert torch.equal(few.train.images, more.train.images[:5])
    assert torch.equal(few.test.images, more.test.images[:5])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("polygons[vertices=2]", "whole number from 3 to 6"),
        ("polygons[train=many]", "whole number from 1 to 1,000,000"),
        ("shapes[size=48]", "right are 32 and 64"),
        ("shapes[sources=edges]", "right is outlines"),
        ("shapes[train=14000,test=500]", "14,500 images of 14,400 different ones"),
        ("symmetric[size=64]", "unknown option 'size'"),
        ("stacked", "the form is stacked:SET"),
        ("stacked:digit", "did you mean 'digits'"),
        ("stacked:emnist", "47 classes give 103,823 kinds"),
        ("stacked:mnist[sise=14]", "mnist.*unknown option 'sise'; did you mean 'size'"),
        ("stacked:digits[vertices=5]", "digits.*unknown option 'vertices'"),
        ("moving:digits[frames=1]", "whole number from 2 to 64"),
        ("moving:shapes[sources=outlines]", "unknown option 'sources'"),
    ],
)
def test_wrong_options_are_told_before_anything_is_drawn(name: str, reason: str):
    with pytest.raises(BadInput, match=reason):
        dataset_card(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stacked:shapes", "only grey images can be stacked"),
        ("moving:digits[size=16]", r"no room to move in 16×16; moving:digits\[size=32\] has"),
        ("moving:ring", "only grey and RGB images can be moved"),
    ],
)
def test_sets_that_do_not_suit_are_refused(name: str, reason: str, tmp_path: Path):
    with pytest.raises(BadInput, match=reason):
        load_dataset(name, tmp_path)


@pytest.mark.parametrize("corners", [3, 4, 5, 6])
def test_corners_of_polygons_are_apart_and_their_mean_in_the_middle(corners: int):
    angles = polygons.draw_angles(np.random.RandomState(0), 500, corners)
    assert (np.diff(np.sort(angles % polygons.TURN), axis=1) >= polygons.APART).all()
    assert polygons.are_polygons(angles).all()
    images = polygons.render_polygons(angles[:100])
    assert images.shape == (100, 28, 28)
    assert (images.min(axis=(1, 2)) == 0).all()
    dark = 255 - images.astype(np.float64)
    middle = (dark.sum(axis=1) @ (np.arange(28) - 13.5)) / dark.sum(axis=(1, 2))
    if corners == 3:  # of a triangle the corners' mean is the centre of mass
        assert np.abs(middle).max() < 0.2


def test_what_is_no_polygon_of_the_set_is_told():
    """Three corners within a third of the circle, and two that are 10° apart."""
    angles = np.array([[0, 300, 600], [0, 100, 1800], [0, 1200, 2400]])
    assert polygons.are_polygons(angles).tolist() == [False, False, True]


def read(text: str) -> tuple[int, ...]:
    """The factors that a sentence tells."""
    figure, turn, row, column = text.split(", ")
    article, scale, colour, shape = figure.split()
    assert article == "a"
    degrees = 0 if turn == "upright" else int(turn.removeprefix("turned by ").split()[0])
    return (
        sprites.SHAPES.index(shape), sprites.SCALES.index(scale),
        sprites.ROTATIONS.index(degrees), sprites.COLUMNS.index(column),
        sprites.ROWS.index(row), list(sprites.COLOURS).index(colour),
    )  # fmt: skip


def test_every_factor_can_be_read_off_the_sentence():
    every = list(product(*(range(values) for values in sprites.VALUES)))
    texts = [sprites.describe_sprite(np.array(factors)) for factors in every]
    assert len(set(texts)) == len(every)
    assert [read(text) for text in texts] == every


def test_shapes_are_what_their_factors_say():
    dataset = load_dataset("shapes[train=400,test=300]")
    both = [tuple(row) for part in (dataset.train, dataset.test) for row in part.factors.tolist()]
    assert len(set(both)) == 700
    assert dataset.card.factors == sprites.FACTORS
    for part in (dataset.train, dataset.test):
        assert [read(text) for text in part.texts] == [tuple(row) for row in part.factors.tolist()]
        assert torch.equal(part.labels, part.factors[:, 0])
        assert part.sources is None
    images, factors = dataset.train.images.double(), dataset.train.factors
    light = images.sum(dim=1)
    for axis, factor in ((1, 3), (2, 4)):
        centre = (light.sum(dim=axis) @ torch.arange(32.0).double()) / light.sum(dim=(1, 2))
        place = torch.tensor(sprites.PLACES)[factors[:, factor]] / 2 - 0.5
        # The mean of a heart and of a triangle is not the centre that they are turned about.
        assert (centre - place).abs().max() < 1.7
        assert (centre - place)[factors[:, 0] < 2].abs().max() < 0.1
    shades = torch.tensor(list(sprites.COLOURS.values()))[factors[:, 5]]
    assert torch.equal(dataset.train.images.amax(dim=(2, 3)).long(), shades)


def test_every_figure_is_another_image_and_none_is_cut_off():
    outermost = sprites.PLACES[::4]
    every = np.array(list(product(range(4), range(6), sprites.RADII, outermost, outermost)))
    masks = sprites.masks(every, 64).reshape(len(every), -1)
    assert len(np.unique(masks, axis=0)) == len(masks)
    areas = masks.sum(axis=1, dtype=np.int64).reshape(-1, 4)  # of one figure at all four places
    assert (areas == areas[:, :1]).all()


def test_larger_shapes_are_the_same_with_more_pixels():
    small, large = (load_dataset(f"shapes[{SMALL},size={size}]").train for size in (32, 64))
    assert torch.equal(small.factors, large.factors)
    means = large.images.double().unflatten(2, (32, 2)).unflatten(4, (32, 2)).mean(dim=(3, 5))
    assert (means - small.images).abs().max() < 25  # sampled 16×16 times for 8×8


def test_outlines_lie_inside_their_shapes_and_leave_these_empty():
    train = load_dataset("shapes[train=50,test=1,size=64,sources=outlines]").train
    assert (train.sources <= train.images).all()
    whole = train.images.amax(dim=1) == train.images.amax(dim=(1, 2, 3))[:, None, None]
    assert (train.sources.sum(dim=(1, 2, 3)) < train.images.sum(dim=(1, 2, 3))).all()
    assert ((train.sources.amax(dim=1) == 0) & whole).any(dim=(1, 2)).all()


def test_symmetric_images_are():
    dataset = load_dataset("symmetric[train=100,test=100]")
    images = dataset.train.images
    assert torch.equal(images, images.flip(-1))
    assert (images.flatten(1).double().std(dim=1) > 10).all()
    assert not torch.equal(images, images.flip(-2))


def test_a_stack_has_the_classes_of_its_channels():
    dataset, digits = load_dataset(f"stacked:digits[{SMALL}]"), load_dataset("digits")
    known = {image.numpy().tobytes(): int(y) for image, y in zip(*_both(digits.train), strict=True)}
    for image, label in zip(*_both(dataset.train), strict=True):
        a, b, c = (known[channel.numpy().tobytes()] for channel in image)
        assert label == 100 * a + 10 * b + c
        assert dataset.card.classes[label] == f"{a}-{b}-{c}"
    assert len(dataset.card.classes) == 1000


def test_options_that_are_not_its_own_are_those_of_the_set_it_is_made_from(tmp_path: Path):
    few = "train=9,test=9"
    stacks = load_dataset(f"stacked:textures[size=16,photo=brick,{few}]", tmp_path)
    patches = load_dataset("textures[size=16,photo=brick]", tmp_path).train.images
    known = {image.numpy().tobytes() for image in patches}
    assert all(channel.numpy().tobytes() in known for image in stacks.train.images
               for channel in image)  # fmt: skip
    videos = load_dataset(f"moving:textures[size=48,photo=grass,{few}]", tmp_path)
    assert videos.train.images.shape[2:] == (48, 48), "its own size, and textures of 32×32"
    other = load_dataset(f"moving:textures[size=48,photo=brick,{few}]", tmp_path)
    assert videos.digest != other.digest


def test_tasks_are_those_of_the_whole_and_not_of_the_set_it_is_made_from():
    stacks = load_dataset(f"stacked:digits[{SMALL},unpaired=inverted]")
    assert stacks.card.classes == ("inverted", "images")
    assert len(stacks.test) == 40


def _both(split):
    return split.images, split.labels


def test_stacks_of_a_folder_know_the_classes_that_are_found_there(tmp_path: Path):
    for part, name in product(("train", "test"), ("cats", "dogs")):
        (tmp_path / "pets" / part / name).mkdir(parents=True)
        for i in range(3):
            Image.new("L", (8, 8), 10 * i).save(tmp_path / "pets" / part / name / f"{i}.png")
    dataset = load_dataset(f"stacked:folder:pets[{SMALL}]", tmp_path)
    assert dataset.card.classes[1] == "cats-cats-dogs"
    assert set(dataset.train.labels.tolist()) == set(range(8))


def test_moving_images_move_at_constant_speed_and_bounce():
    room = 16
    starts = np.array(list(product(range(room + 1), repeat=2)))
    for velocity in VELOCITIES:
        places = paths(starts, np.broadcast_to(velocity, starts.shape), 20, room)
        assert np.array_equal(places[:, 0], starts)
        assert places.min() >= 0
        assert places.max() <= room
        steps = np.diff(places, axis=1)
        slow = np.abs(steps) < np.abs(velocity)
        # A step is shorter where it meets a border, and the next one is whole again.
        assert not (slow[:, 1:] & slow[:, :-1]).any()
        turned = np.sign(steps[:, 1:]) != np.sign(steps[:, :-1])
        beside = np.minimum(places, room - places)[:, 1:-1] < FASTEST
        assert (beside | ~turned).all()


def test_videos_show_one_whole_image_in_every_frame():
    dataset = load_dataset("moving:shapes[train=200,test=1,frames=12]")
    frames = unfold(dataset.train.images, 12).view(200, 12, 3, 32, 32)
    light = frames.sum(dim=(3, 4))
    assert torch.equal(light, light[:, :1].expand_as(light))  # never cut off
    still = (frames[:, 1:] == frames[:, :-1]).flatten(1).all(dim=1)
    assert not still.any()
    assert (dataset.frames, dataset.colours, dataset.channels) == (12, 3, 36)


def test_generated_sets_are_registered_and_say_what_they_are():
    for name in ("polygons", "shapes", "symmetric", "stacked", "moving"):
        assert name in DATASETS
    assert dataset_card("polygons[vertices=4]").corners == 4
    assert dataset_card("symmetric").symmetric
    moving = dataset_card("moving:mnist[frames=5]")
    assert (moving.frames, moving.title) == (5, "MNIST, moving")
    assert dataset_card("stacked:mnist").extractor == "stacked:classifier:mnist"
    assert dataset_card("stacked:fashion-mnist").classes[1] == "T-shirt/top-T-shirt/top-Trouser"
