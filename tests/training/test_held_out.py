"""The loss of images that training does not show."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ramps import ramps_family

from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.families import build_family
from harness.families.base import Family
from harness.training.checkpoint import Checkpoints
from harness.training.held_out import HELD_OUT_LOSS, HeldOutLoss, held_out_split
from harness.training.loop import train
from harness.training.stopping import Stopped

CPU = torch.device("cpu")
NAME = f"model/{HELD_OUT_LOSS}"


def held_out(family: Family) -> HeldOutLoss:
    images = Batches(load_dataset("digits").test, family.settings.batch_size, 3)
    return HeldOutLoss(images, family.settings)


def test_it_is_the_loss_of_the_same_images_with_the_same_noise():
    family, _ = ramps_family("vae/vae")
    (phase,) = family.phases()
    (player,) = phase.players
    family.networks.train()
    value = held_out(family).read(family.networks, phase, 0.5)[NAME]
    assert held_out(family).read(family.networks, phase, 0.7)[NAME] == value
    assert all(module.training for module in family.networks.modules())
    batch = held_out(family).images.batch(0)
    noise = player.noise(len(batch.x), generator(3, "held-out", phase.name, player.name))
    family.networks.eval()
    assert value == float(player.loss(family.networks, batch, noise)["loss"].detach())


def test_training_is_the_same_to_the_bit_with_it_and_without():
    def weights(with_held_out: bool) -> dict[str, torch.Tensor]:
        family, batches = ramps_family("vae/vae")
        measure = held_out(family) if with_held_out else None
        train(family, batches, 32 * 20, seed=0, device=CPU, held_out=measure)
        return family.networks.state_dict()

    assert all(map(torch.equal, weights(True).values(), weights(False).values()))


def test_a_resumed_training_has_the_same_curve(tmp_path: Path):
    family, batches = ramps_family("vae/vae")
    whole = train(family, batches, 32 * 20, seed=0, device=CPU, held_out=held_out(family))
    assert all(NAME in point.losses for point in whole.curve)
    family, batches = ramps_family("vae/vae")
    checkpoints, calls = Checkpoints(tmp_path, 1e9), iter(range(100))
    with pytest.raises(Stopped):
        train(family, batches, 32 * 20, seed=0, device=CPU, checkpoints=checkpoints,
              held_out=held_out(family), stop=lambda: next(calls) == 11)  # fmt: skip
    family, batches = ramps_family("vae/vae")
    resumed = train(family, batches, 32 * 20, seed=0, device=CPU, checkpoints=checkpoints,
                    held_out=held_out(family))  # fmt: skip
    assert resumed.curve == whole.curve


def test_losses_that_pull_against_each_other_have_none():
    family, batches = ramps_family("gan/dcgan")
    result = train(family, batches, 32 * 4, seed=0, device=CPU, held_out=held_out(family))
    assert not any(name.endswith(HELD_OUT_LOSS) for p in result.curve for name in p.losses)


def test_a_learning_rate_that_changes_is_in_the_curve():
    family, batches = ramps_family("vae/vae")
    optimizer = {"lr": 0.01, "schedule": {"kind": "linear", "start": 0.5}}
    family = build_family(
        "vae", family.settings.model_dump() | {"optimizer": optimizer}, family.shape
    )
    curve = train(family, batches, 32 * 10, seed=0, device=CPU).curve
    rates = [point.losses["model/learning_rate"] for point in curve]
    assert rates == pytest.approx([0.01] * 6 + [0.008, 0.006, 0.004, 0.002])


def test_an_average_that_a_family_does_not_keep_is_refused():
    family, _ = ramps_family("vae/vae")
    settings = family.settings.model_dump() | {"ema": 0.999}
    with pytest.raises(BadInput, match="ema: vae keeps no moving average of its weights"):
        build_family("vae", settings, family.shape)


@pytest.mark.parametrize(
    "name",
    ["digits", "digits[unseen=8]", "digits[denoise=gaussian-0.2]", "digits[inpaint=random-0.5]",
     "digits[binarized=dynamic]", "shapes[sources=outlines]"],
)  # fmt: skip
def test_images_are_as_training_would_show_them(name: str):
    dataset = load_dataset(name)
    shown, held = (
        Batches(split, 16, 0).batch(0) for split in (dataset.train, held_out_split(dataset))
    )
    for field in ("x", "source", "mask"):
        one, other = getattr(shown, field), getattr(held, field)
        assert (one is None) == (other is None), field
        assert one is None or (one.shape, one.dtype) == (other.shape, other.dtype), field
    assert len(held_out_split(dataset)) == len(dataset.normal_test)
