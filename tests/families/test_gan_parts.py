"""The parts that a recipe composes a GAN of: what each computes, and what goes together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape, Losses, Player
from harness.families.gan import GAN, filled
from harness.networks.batch_features import pack
from harness.objectives.generator_extras import feature_matching

SMALL = {"width": 4, "latent": 3, "batch_size": 8}
MLP = SMALL | {"network": "mlp", "depth": 2, "width": 8}


def gan(settings: dict[str, Any]) -> GAN:
    torch.manual_seed(0)
    family = build_family("gan", SMALL | settings, ImageShape(1, 16, classes=3))
    assert isinstance(family, GAN)
    family.networks.train()
    return family


def batch(family: GAN) -> Batch:
    shape = family.shape
    x = torch.randn(8, shape.channels, shape.size, shape.size, generator=seeded())
    return Batch(x.clamp(-1, 1), torch.arange(8) % 3)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def losses(family: GAN, player: Player) -> Losses:
    return player.loss(family.networks, batch(family), player.noise(8, seeded()))


def parameters(family: GAN, *names: str) -> list[nn.Parameter]:
    return [p for name in names for p in family.networks[name].parameters()]


PARTS: dict[str, dict[str, Any]] = {
    "hinge": {"loss": "hinge"},
    "spectral": {"discriminator": {"norm": "spectral"}},
    "layer": {"discriminator": {"norm": "layer"}, "penalties": [{"kind": "r1", "weight": 1.0}]},
    "instance": {"discriminator": {"norm": "instance"}},
    "plain": {"generator": {"norm": "none"}, "discriminator": {"norm": "none",
                                                               "activation": "relu"}},
    "attention": {"generator": {"attention": True}, "discriminator": {"attention": True}},
    "residual": {"generator": {"blocks": "residual", "attention": True},
                 "discriminator": {"blocks": "residual", "norm": "spectral", "activation": "relu",
                                   "attention": True, "head": ["minibatch-stddev"]}},
    "stddev": {"discriminator": {"head": ["minibatch-stddev"]}},
    "minibatch": {"discriminator": {"head": ["minibatch-discrimination"]}},
    "both-heads": MLP | {"discriminator": {"head": ["minibatch-stddev",
                                                    "minibatch-discrimination"]}},
    "augmented": {"discriminator": {"augment": ["brightness", "translation", "cutout"]}},
    "packing": {"discriminator": {"packing": 4}},
    "packing-penalty": MLP | {"discriminator": {"packing": 2},
                              "penalties": [{"kind": "gradient", "weight": 1.0}]},
    "smoothing": {"discriminator": {"smoothing": {"real": 0.1}}},
    "dragan": {"discriminator": {"norm": "none"}, "penalties": [{"kind": "dragan", "weight": 1}]},
    "features": {"generator": {"adversarial": 0.0, "extras": [{"kind": "feature-matching",
                                                               "weight": 1.0}]}},
    "projection": {"conditional": True},
    "concatenation": {"conditional": True, "discriminator": {"conditioning": "concatenation"}},
    "classifier": {"conditional": True, "discriminator": {"conditioning": "classifier"}},
    "hidden": MLP | {"generator": {"hidden": "batch", "width": 6, "depth": 3},
                     "discriminator": {"hidden": "maxout", "width": 5}, "initial_sigma": 0.1},
    "unrolled": MLP | {"dynamics": {"kind": "unrolled", "steps": 2, "lr": 0.1}},
    "unrolled-conv": {"dynamics": {"kind": "unrolled", "steps": 1, "lr": 0.1}},
    "simultaneous": {"dynamics": {"kind": "simultaneous"}},
    "consensus": MLP | {"dynamics": {"kind": "consensus", "weight": 1.0}},
    "consensus-conv": {"dynamics": {"kind": "consensus"}},
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_every_weight_has_a_gradient_of_its_own_players_loss(name: str):
    family = gan(PARTS[name])
    for player in family.phases()[0].players:
        found = losses(family, player)
        assert all(value.ndim == 0 and value.isfinite() for value in found.values())
        gradients = torch.autograd.grad(
            found["loss"], parameters(family, *player.trains), allow_unused=True
        )
        assert all(gradient is not None for gradient in gradients)


@pytest.mark.parametrize("name", PARTS)
def test_nothing_of_the_discriminator_moves_while_the_generator_trains(name: str):
    family = gan(PARTS[name])
    discriminator = family.networks["discriminator"]
    before = {key: tensor.clone() for key, tensor in discriminator.state_dict().items()}
    for player in family.phases()[0].players:
        if player.name == "generator":
            losses(family, player)["loss"].backward(inputs=parameters(family, "generator"))
            assert all(p.grad is None for p in discriminator.parameters())
            after = discriminator.state_dict()
            assert all(torch.equal(tensor, before[key]) for key, tensor in after.items())


@pytest.mark.parametrize("name", PARTS)
def test_trained_models_sample_and_discriminate(name: str):
    family = gan(PARTS[name])
    family.networks.eval()
    samples = family.sample(5, seeded())
    assert samples.shape == (5, 1, 16, 16)
    before = {key: tensor.clone() for key, tensor in family.networks.state_dict().items()}
    if not family.conditional:
        assert family.discriminate(samples).shape == (5,)
        assert family.opponent_samples(11, seeded()).shape == (11, 1, 16, 16)
    after = family.networks.state_dict()
    assert all(torch.equal(tensor, before[key]) for key, tensor in after.items())
    assert not family.networks.training


def test_packs_are_judged_together():
    family = gan({"discriminator": {"packing": 2, "norm": "none"}})
    x = batch(family).x
    expected = family.networks["discriminator"](pack(x, 2))[:, 0].detach().repeat_interleave(2)
    torch.testing.assert_close(family.discriminate(x), expected)
    assert filled(torch.arange(5), 3).tolist() == [0, 1, 2, 3, 4, 0]


def test_feature_matching_takes_the_place_of_the_adversary():
    family = gan(PARTS["features"] | {"discriminator": {"norm": "none"}})
    generator = family.phases()[0].players[1]
    found = losses(family, generator)
    noise = generator.noise(8, seeded())
    discriminator, fake = family.networks["discriminator"], family.networks["generator"](noise["z"])
    expected = feature_matching(
        discriminator.body(batch(family).x), discriminator.body(fake)
    )  # fmt: skip
    torch.testing.assert_close(found["loss"], expected)


def test_a_classifier_is_trained_by_both_players():
    """The loss is that of the unconditional game on the first output, and the classes' entropy."""
    family = gan(PARTS["classifier"] | {"loss": "hinge"})
    discriminator, generator = family.phases()[0].players
    found = losses(family, discriminator)
    assert found["classes"] > 0
    weight = family.networks["discriminator"].head.weight
    for player in (discriminator, generator):
        (slope,) = torch.autograd.grad(losses(family, player)["loss"], weight)
        assert (slope.abs().sum(dim=1) > 0).all()


def test_augmented_images_are_those_that_the_discriminator_sees():
    family = gan({"discriminator": {"augment": ["brightness"], "norm": "none"}})
    seen: list[Tensor] = []
    family.networks["discriminator"].register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    discriminator, generator = family.phases()[0].players
    noise = discriminator.noise(8, seeded())
    discriminator.loss(family.networks, batch(family), noise)
    shift = noise["augment_real"].view(8, 1, 1, 1) - 0.5
    torch.testing.assert_close(seen[0], batch(family).x + shift)
    generator.loss(family.networks, batch(family), generator.noise(8, seeded()))
    assert len(seen) == 3  # the generator's images alone


def test_an_unrolled_generator_without_steps_to_follow_is_the_plain_one():
    """At a rate near zero, and not at a larger one."""
    found = {}
    for lr in (1e-12, 0.5):
        family = gan(MLP | {"dynamics": {"kind": "unrolled", "steps": 3, "lr": lr}})
        found[lr] = losses(family, family.phases()[0].players[1])["loss"].item()
    plain = gan(MLP)
    expected = losses(plain, plain.phases()[0].players[1])["loss"].item()
    assert found[1e-12] == pytest.approx(expected, rel=1e-6)
    assert abs(found[0.5] - expected) > 1e-4


def test_players_that_move_at_once_have_the_gradients_of_their_own_losses():
    family = gan(MLP | {"dynamics": {"kind": "simultaneous"}})
    plain = gan(MLP)
    (both,) = family.phases()[0].players
    discriminator, generator = plain.phases()[0].players
    noise = discriminator.noise(8, seeded())
    for player in (discriminator, generator):
        loss = player.loss(plain.networks, batch(plain), noise)["loss"]
        expected = torch.autograd.grad(loss, parameters(plain, *player.trains))
        together = both.loss(family.networks, batch(family), noise)["loss"]
        found = torch.autograd.grad(together, parameters(family, *player.trains))
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)


def test_each_player_has_its_own_optimizer():
    own = {"discriminator": {"optimizer": {"lr": 4e-4}}, "optimizer": {"lr": 1e-4}}
    discriminator, generator = gan(own).phases()[0].players
    assert (discriminator.optimizer.lr, generator.optimizer.lr) == (4e-4, 1e-4)
    sgd = {"kind": "sgd", "lr": 0.05}
    family = gan(MLP | {"dynamics": {"kind": "unrolled"}, "discriminator": {"optimizer": sgd}})
    explicit = gan(MLP | {"dynamics": {"kind": "unrolled", "lr": 0.05}})
    players = family.phases()[0].players[1], explicit.phases()[0].players[1]
    assert torch.equal(losses(family, players[0])["loss"], losses(explicit, players[1])["loss"])


def test_clipped_weights_stay_within_their_bound_and_are_counted():
    family = gan({"loss": "wasserstein", "discriminator": {"clip": 0.01, "norm": "none"}})
    (critic, _), weights = family.phases()[0].players, parameters(family, "discriminator")
    before = torch.cat([w.detach().flatten() for w in weights])
    assert critic.after is not None
    share = critic.after(family.networks, batch(family), {})["weights_at_bound"]
    after = torch.cat([w.detach().flatten() for w in weights])
    assert torch.equal(after, before.clamp(-0.01, 0.01))
    assert share.item() == pytest.approx((before.abs() >= 0.0099).float().mean().item())
    assert 0.1 < share < 1


def test_only_the_discriminators_own_step_moves_its_singular_vectors():
    family = gan(PARTS["spectral"])
    discriminator, generator = family.phases()[0].players
    assert generator.after is None
    vectors = [
        b for name, b in family.networks["discriminator"].named_buffers() if name.endswith(".v")
    ]
    with torch.no_grad():
        for weight in parameters(family, "discriminator"):
            weight.add_(torch.randn_like(weight))
    before = [vector.clone() for vector in vectors]
    losses(family, discriminator)
    losses(family, generator)
    assert all(torch.equal(a, b) for a, b in zip(vectors, before, strict=True))
    assert discriminator.after is not None
    discriminator.after(family.networks, batch(family), {})
    assert not any(torch.equal(a, b) for a, b in zip(vectors, before, strict=True))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"loss": "wasserstein", "discriminator": {"norm": "none"}}, "clip: 0.01"),
    ({"discriminator": {"packing": 3}}, "packing: 3} does not divide the batch_size of 8"),
    ({"conditional": True, "discriminator": {"packing": 2}}, "leave out packing"),
    ({"discriminator": {"conditioning": "classifier"}}, "goes with conditional: true"),
    ({"loss": "hinge", "discriminator": {"smoothing": {"real": 0.1}}}, "take loss: non-saturating"),
    ({"discriminator": {"smoothing": {"real": 0.5}}}, "less than 0.5"),
    ({"discriminator": {"head": ["minibatch-stddev"] * 2}}, "names one part twice"),
    ({"discriminator": {"head": ["stddev"]}}, "'minibatch-stddev' or 'minibatch-discrimination'"),
    ({"generator": {"adversarial": 0.0}}, "has none"),
    (MLP | {"discriminator": {"norm": "layer"}}, "goes with network: conv"),
    (MLP | {"generator": {"attention": True}}, "goes with network: conv"),
    (MLP | {"discriminator": {"hidden": "batch"}, "penalties": [{"kind": "r1", "weight": 1.0}]},
     "penalties go with discriminator: {hidden: plain}"),
    ({"discriminator": {"hidden": "maxout"}}, "of a player go with network: mlp"),
    ({"initial_sigma": 0.02}, "of a player go with network: mlp"),
    ({"discriminator": {"blocks": "residual"}}, "{norm: spectral} or {norm: none}"),
    ({"generator": {"blocks": "residual", "norm": "none"}}, "leave out its norm"),
    (MLP | {"generator": {"blocks": "residual"}}, "go with network: conv"),
    ({"dynamics": {"kind": "rolled"}}, "alternating, simultaneous, unrolled or consensus"),
    (PARTS["features"] | {"dynamics": {"kind": "consensus"}}, "goes with alternating steps"),
    (MLP | {"dynamics": {"kind": "unrolled"}}, "optimizer takes others; say dynamics: {lr: …}"),
    (MLP | {"dynamics": {"kind": "unrolled"}, "optimizer": {"kind": "sgd", "momentum": 0.9}},
     "looks ahead by plain gradient steps"),
    (MLP | {"dynamics": {"kind": "consensus"}, "generator": {"optimizer": {"lr": 1e-4}}},
     "share the recipe's optimizer"),
    ({"discriminator": {"updates": 2}, "dynamics": {"kind": "simultaneous"}}, "move once each"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "right"), BAD)
def test_what_does_not_go_together_says_what_would_do(settings: dict[str, Any], right: str):
    with pytest.raises(ValidationError) as caught:
        gan(settings)
    assert right in str(caught.value)


def test_a_penalty_on_parts_of_a_batch_is_on_average_that_of_the_whole():
    penalties = [{"kind": "r1", "weight": 10.0}, {"kind": "gradient", "weight": 1.0}]
    settings = MLP | {"discriminator": {"packing": 2}}
    whole = gan(settings | {"penalties": penalties})
    lazy = gan(settings | {"penalties": [p | {"share": 0.25} for p in penalties]})
    player = whole.phases()[0].players[0]
    noise, given = dict(player.noise(8, seeded())), batch(whole)
    expected = losses(whole, player)
    means = {name: torch.zeros(()) for name in ("r1", "penalty")}
    for packs in range(4):  # each pack of two comes first once
        moved = Batch(given.x.roll(-2 * packs, 0), given.labels)
        turned = noise | {"z": noise["z"].roll(-2 * packs, 0), "mix": noise["mix"].roll(-packs, 0)}
        found = lazy.phases()[0].players[0].loss(whole.networks, moved, turned)
        means = {name: mean + found[name] / 4 for name, mean in means.items()}
    for name, mean in means.items():
        torch.testing.assert_close(mean, expected[name])
