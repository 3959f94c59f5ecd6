"""Each shipped recipe of a GAN has the computation that its paper names, and its parent has not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.config.recipe import list_recipes, load_recipe
from harness.config.shipped import shipped_files
from harness.config.yaml_files import load_yaml
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import Family, ImageShape, Losses, Noise, Player
from harness.families.gan import GAN
from harness.families.stylegan import StyleGAN
from harness.networks.batch_features import KERNEL_DIMENSIONS, KERNELS
from harness.networks.hidden_layers import Maxout
from harness.networks.resnet import ResidualDiscriminator, ResidualGenerator
from harness.networks.self_attention import SelfAttention
from harness.objectives.augmentation import augment_images

IMAGES = ImageShape(1, 16, classes=3, texts=True)
POINTS = ImageShape(2, 1, pixels=False)
PAIRS = ImageShape(1, 16, source_channels=1)
DOMAINS = ImageShape(1, 16, classes=2, unpaired=True)
N = 12
"""Images in a batch, which packs of two, three and four divide."""


def built(name: str) -> Family:
    recipe = load_recipe(name)
    points, kind = "mlp" in name, recipe.family
    shape = {"translation": PAIRS, "pix2pix": PAIRS, "cyclegan": DOMAINS}.get(kind, IMAGES)
    small = {"batch_size": N} | ({} if points or shape is PAIRS else {"width": 4})
    torch.manual_seed(0)
    family = build_family(kind, recipe.settings | small, POINTS if points else shape)
    family.networks.train()
    return family


def batch(family: Family) -> Batch:
    shape, draws = family.shape, torch.Generator().manual_seed(1)
    x = torch.rand(N, shape.channels, shape.size, shape.size, generator=draws) * 2 - 1
    labels = torch.arange(N) % max(shape.classes, 1)
    words = torch.randint(1, 50, (N, 4), generator=draws)
    return Batch(x, labels, source=x.flip(0) if shape.source_channels else None, words=words)


def gan(family: Family) -> GAN:
    assert isinstance(family, GAN)
    return family


def player(family: Family, which: int) -> Player:
    return family.phases()[0].players[which]


def noise(family: Family, which: int = 0) -> Noise:
    return player(family, which).noise(N, torch.Generator().manual_seed(2))


def losses(family: Family, which: int = 0) -> Losses:
    return player(family, which).loss(family.networks, batch(family), noise(family, which))


def loss(family: Family, which: int = 0) -> Tensor:
    return losses(family, which)["loss"]


def images(family: Family, which: int = 0) -> tuple[Tensor, Tensor]:
    """Real images, and those that the generator makes of the player's noise."""
    x, made = batch(family), gan(family).made
    return x.x, made(family.networks["generator"], x.labels, noise(family, which))


def outputs(family: Family, which: int = 0) -> tuple[Tensor, Tensor]:
    """What the discriminator says of real and of made images, in training."""
    real, fake = (family.networks["discriminator"](x) for x in images(family, which))
    return real, fake


def equal(a: Tensor, b: Tensor | float) -> bool:
    return torch.allclose(a.detach(), torch.as_tensor(b, dtype=a.dtype).detach(), rtol=1e-4)


def plain(family: Family) -> Tensor:
    """The discriminator's side of the logistic game."""
    real, fake = outputs(family)
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def norms_of_slopes(family: Family, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(family.networks["discriminator"](x).sum(), x)
    return slopes.flatten(1).norm(dim=1)


def between(family: Family) -> Tensor:
    (real, fake), mix = images(family), noise(family).get("mix", torch.rand(N))
    mix = mix[:, None, None, None]
    return mix * real + (1 - mix) * fake


# -- losses ---------------------------------------------------------------------------------


def minimax(family: Family) -> bool:
    return equal(loss(family, 1), (1 - outputs(family, 1)[1].sigmoid()).log().mean())


def least_squares(family: Family) -> bool:
    real, fake = outputs(family)
    return equal(loss(family), ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2)


def hinge(family: Family) -> bool:
    real, fake = outputs(family)
    return equal(loss(family), F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def relativistic(family: Family) -> bool:
    real, fake = outputs(family)
    sides = F.softplus(-(real - fake.mean())), F.softplus(fake - real.mean())
    return equal(loss(family), sides[0].mean() + sides[1].mean())


def smoothed(real_label: float, fake_label: float) -> Callable[[Family], bool]:
    def check(family: Family) -> bool:
        real, fake = outputs(family)
        of_label = F.binary_cross_entropy_with_logits
        sides = of_label(real, torch.full_like(real, real_label)), of_label(
            fake, torch.full_like(fake, fake_label)
        )  # fmt: skip
        return equal(loss(family), sides[0] + sides[1])

    return check


def critic(family: Family, weight: float, penalty: Callable[[Tensor], Tensor]) -> bool:
    """The Wasserstein loss with a penalty of the norms between real and made images, with five
    updates.
    """
    real, fake = outputs(family)
    slopes = norms_of_slopes(family, between(family))
    expected = fake.mean() - real.mean() + weight * penalty(slopes).mean()
    return player(family, 0).updates == 5 and equal(loss(family), expected)


def clipped(family: Family) -> bool:
    """The Wasserstein loss of weights that are held to 0.01 after each of five updates."""
    real, fake = outputs(family)
    first, of_paper = player(family, 0), equal(loss(family), fake.mean() - real.mean())
    if first.after is None or first.updates != 5:
        return False
    first.after(family.networks, batch(family), {})
    weights = family.networks["discriminator"].parameters()
    return of_paper and max(float(w.detach().abs().max()) for w in weights) <= 0.01


def r1(family: Family) -> bool:
    slopes = norms_of_slopes(family, images(family)[0])
    return equal(loss(family), plain(family) + 10 * (slopes**2).mean() / 2)


def dragan(family: Family) -> bool:
    real, _ = images(family)
    moved = real + real.std() / 2 * noise(family).get("perturbation", torch.rand_like(real))
    slopes = norms_of_slopes(family, moved)
    return equal(loss(family), plain(family) + 10 * ((slopes - 1) ** 2).mean())


def feature_matching(family: Family) -> bool:
    body = family.networks["discriminator"].body
    means = [body(x).mean(dim=0) for x in images(family, 1)]
    return equal(loss(family, 1), ((means[0] - means[1]) ** 2).sum())


# -- what the discriminator sees, and takes of its batch --------------------------------------


def spectral(family: Family) -> bool:
    """Every weight has a largest singular value of 1."""
    after = player(family, 0).after
    for _ in range(50 if after else 0):
        assert after is not None
        after(family.networks, batch(family), {})
    layers = family.networks["discriminator"].modules()
    matrices = [
        m.weight.detach().flatten(1) for m in layers if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    return all(abs(float(torch.linalg.svdvals(m)[0]) - 1) < 0.01 for m in matrices)


def without_guidelines(family: Family) -> bool:
    """No image depends on the others of its batch, and outputs below zero have no slope."""
    discriminator, generator = family.networks["discriminator"], family.networks["generator"]
    x, z = batch(family).x, gan(family).codes(N, torch.Generator().manual_seed(3))
    alone = equal(discriminator(x)[:2], discriminator(x[:2])) and equal(
        generator(z)[:2], generator(z[:2])
    )
    activations = [m for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)]
    return alone and not activations


def head_of(family: Family, added: Callable[[Tensor], Tensor], count: int) -> bool:
    """The last layer takes `count` numbers beside the features, as `added` makes them of these."""
    network = family.networks["discriminator"]
    width = gan(family).settings.depth is not None
    taken = network.features(batch(family).x)
    features = taken[:, :-count]
    last = network.body[-1] if width else network.head
    return last.in_features == taken.shape[1] and equal(taken[:, -count:], added(features))


def stddev(family: Family) -> bool:
    return head_of(family, lambda x: x.std(dim=0, correction=0).mean().expand(N, 1), 1)


def minibatch(family: Family) -> bool:
    """Σ_j exp(−‖M_ib − M_jb‖₁) of the projections that the network has."""
    network = family.networks["discriminator"]

    def closeness(features: Tensor) -> Tensor:
        projections = [m.project for m in network.modules() if hasattr(m, "project")]
        if not projections:
            return torch.zeros(N, KERNELS)
        m = projections[0](features).view(N, KERNELS, KERNEL_DIMENSIONS)
        rows = [sum((-(m[i] - m[j]).abs().sum(dim=1)).exp() for j in range(N)) for i in range(N)]
        return torch.stack(rows)  # type: ignore[arg-type]

    return head_of(family, closeness, KERNELS)


def attention(family: Family) -> bool:
    """Places of a map depend on all places of it, in both players."""
    far = [False, False]
    for index, name in enumerate(("generator", "discriminator")):
        for module in family.networks[name].modules():
            if isinstance(module, SelfAttention):
                with torch.no_grad():
                    module.gamma.fill_(1.0)
                channels = module.key.in_channels
                x = torch.randn(1, channels, 8, 8, requires_grad=True)
                (slope,) = torch.autograd.grad(module(x)[0, :, 0, 0].sum(), x)
                far[index] = bool((slope[0, :, 7, 7] != 0).any())
    return all(far)


def seen(family: Family) -> list[Tensor]:
    """What the discriminator takes of real and of made images in its own step."""
    inputs: list[Tensor] = []
    with family.networks["discriminator"].register_forward_pre_hook(
        lambda _, x: inputs.append(x[0])
    ):
        loss(family)
    return inputs


def augmented(family: Family) -> bool:
    kinds = ("brightness", "saturation", "contrast", "translation", "cutout")
    draws = noise(family).get("augment_real", torch.rand(N, 7))
    return equal(seen(family)[0], augment_images(images(family)[0], kinds, draws))


def packed(size: int) -> Callable[[Family], bool]:
    def check(family: Family) -> bool:
        x = batch(family).x
        return equal_shapes(seen(family)[0], x.view(N // size, size * x.shape[1], *x.shape[2:]))

    return check


def equal_shapes(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and equal(a, b)


# -- classes and texts ------------------------------------------------------------------------


def projection(family: Family) -> bool:
    """The class moves the discriminator's verdict and the generator's image."""
    family = gan(family)
    if not family.conditional:
        return False
    labels, draws = torch.zeros(N, dtype=torch.int64), torch.Generator().manual_seed(3)
    made = [family.sample_labels(labels + c, draws.manual_seed(3)) for c in (0, 1)]
    out = family.networks["discriminator"](batch(family).x)
    verdict = family.game._verdicts(out, batch(family).labels)
    by_hand = out[:, :1] + out[:, 1:].gather(1, batch(family).labels[:, None])
    return not equal(*made) and out.shape[1] == 4 and equal(verdict, by_hand)


def concatenation(family: Family) -> bool:
    x, planes = seen(family)[0], F.one_hot(batch(family).labels, 3).float()[:, :, None, None]
    return equal_shapes(x, torch.cat([batch(family).x, planes.expand(-1, -1, 16, 16)], dim=1))


def classifier(family: Family) -> bool:
    """Both players' losses have the cross-entropy of the classes of real and made images."""
    real, fake = outputs(family)
    labels = batch(family).labels
    if real.shape[1] != 4:
        return False
    entropies = (F.cross_entropy(x[:, 1:], labels) for x in (real, fake))
    game = F.softplus(-real[:, 0]).mean() + F.softplus(fake[:, 0]).mean()
    return equal(loss(family), game + sum(entropies))


def of_texts(family: Family) -> bool:
    x = batch(family)
    other = Batch(x.x, x.labels, words=x.words.flip(0))  # type: ignore[union-attr]
    pair = [
        player(family, 1).loss(family.networks, b, noise(family, 1))["loss"] for b in (x, other)
    ]
    return not equal(*pair)


# -- how players move -------------------------------------------------------------------------


def rates(discriminator: float, generator: float) -> Callable[[Family], bool]:
    return lambda family: [player(family, i).optimizer.lr for i in (0, 1)] == [
        discriminator, generator
    ]  # fmt: skip


def own_gradients(family: Family) -> tuple[Tensor, list[Tensor]]:
    """The sum of both sides' losses, and each player's gradients of its own side."""
    networks, x = family.networks, batch(family)
    real, fake = images(family)
    judge = networks["discriminator"]
    first = F.softplus(-judge(real)).mean() + F.softplus(judge(fake.detach())).mean()
    second = F.softplus(-judge(gan(family).made(networks["generator"], x.labels,
                                                noise(family)))).mean()  # fmt: skip
    slopes = torch.autograd.grad(first, [*judge.parameters()], create_graph=True)
    slopes += torch.autograd.grad(second, [*networks["generator"].parameters()], create_graph=True)
    return first + second, list(slopes)


def consensus(family: Family) -> bool:
    """One player, whose loss has ten times half the squared norm of both gradients."""
    total, slopes = own_gradients(family)
    energy = torch.stack([slope.square().sum() for slope in slopes]).sum() / 2
    return len(family.phases()[0].players) == 1 and equal(loss(family), total + 10 * energy)


def unrolled(family: Family) -> bool:
    """The generator meets a discriminator that is five gradient steps of 0.1 further."""
    real, fake = images(family, 1)
    judge = family.networks["discriminator"]
    weights = {name: w.detach().clone() for name, w in judge.named_parameters()}
    for _ in range(5):
        leaves = {name: w.requires_grad_() for name, w in weights.items()}
        on_real, on_fake = (
            torch.func.functional_call(judge, leaves, (x.detach(),)) for x in (real, fake)
        )
        value = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        slopes = torch.autograd.grad(value, [*leaves.values()])
        weights = {
            name: (w - 0.1 * s).detach()
            for (name, w), s in zip(leaves.items(), slopes, strict=True)
        }
    on_fake = torch.func.functional_call(judge, weights, (fake,))
    return equal(loss(family, 1), F.softplus(-on_fake).mean())


def published_program(family: Family) -> bool:
    """Both move at once; four layers of 400 with batch norm, three of 200 with maxout of five, and
    weights of deviation 0.02.
    """
    generator, judge = family.networks["generator"], family.networks["discriminator"]
    norms = [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm1d)]
    pieces = [m.pieces.out_features for m in judge.modules() if isinstance(m, Maxout)]
    spread = float(next(generator.parameters()).std())
    return (norms, pieces) == ([400] * 4, [1000] * 3) and (
        len(family.phases()[0].players) == 1 and abs(spread - 0.02) < 0.003
    )


def averaged(family: Family) -> bool:
    """Weights are averaged, the rate is half at half of training, and codes have 16 numbers."""
    schedule = player(family, 1).optimizer.schedule
    half = schedule.factor(50, 0, 100)
    return family.settings.ema == 0.999 and abs(half - 0.5) < 1e-6 and gan(family).codes(
        1, torch.Generator()
    ).shape == (1, 16)  # fmt: skip


def progressive(family: Family) -> bool:
    """It is trained in a phase for each size, and its first images are of the smallest."""
    return [phase.name for phase in family.phases()] == ["8x8", "16x16"]


def residual(family: Family) -> bool:
    """SNGAN's blocks in both players, with the hinge loss and five updates."""
    networks = family.networks
    return (
        isinstance(networks["generator"], ResidualGenerator)
        and isinstance(networks["discriminator"], ResidualDiscriminator)
        and player(family, 0).updates == 5
        and hinge(family)
        and spectral(family)
    )


# -- styles and translation -------------------------------------------------------------------


def by_styles(family: Family) -> bool:
    """Codes are styles: the generator does not map them again."""
    assert isinstance(family, StyleGAN)
    w = family.latents(N, torch.Generator().manual_seed(3))
    made = family.networks["generator"].synthesise(w[:, None].expand(-1, 5, -1))
    return equal(family.decode(w), made.clamp(-1, 1))


def demodulated(family: Family) -> bool:
    """A layer gives the same for a style of twice the size, but for its noise and bias."""
    layer = family.networks["generator"].layers[0]
    x, none = torch.randn(2, layer.weight.shape[1], 4, 4), torch.zeros(2, 1, 4, 4)
    w, style = torch.randn(2, family.settings.latent), layer.style
    layers = [m for m in style.modules() if hasattr(m, "bias")]
    once = layer(x, w, none)
    with torch.no_grad():
        for linear in layers:
            linear.weight.mul_(2)
            linear.bias.mul_(2)
    return equal(layer(x, w, none), once)


def of_path_lengths(family: Family) -> bool:
    """The generator's loss has twice the penalty; R1 is of three of twelve images."""
    parts = losses(family, 1)
    if "path_length" not in parts:
        return False
    game = side_of_generator(family)
    return equal(parts["loss"], game + 2 * parts["path_length"])


def papers_discriminator(family: Family) -> bool:
    """Weights of convolutions are from N(0, 1): they are scaled when they are used."""
    weights = [p for p in family.networks["discriminator"].parameters() if p.ndim == 4]
    return all(abs(float(p.detach().std()) - 1) < 0.3 for p in weights)


def side_of_generator(family: Family) -> Tensor:
    """The generator's side of the game by its outputs."""
    fake = images(family, 1)[1]
    return F.softplus(-family.networks["discriminator"](fake)).mean()


def with_adversary(weight: float) -> Callable[[Family], bool]:
    """The absolute error times `weight`, and the non-saturating loss over patches."""

    def check(family: Family) -> bool:
        if "discriminator" not in family.networks:
            return False
        x, made = batch(family), family.made(family.networks, batch(family))  # type: ignore[attr-defined]
        beside = torch.cat([x.source, made], dim=1)  # type: ignore[list-item]
        game = F.softplus(-family.networks["discriminator"](beside)).mean()
        error = (made - x.x).abs().mean()
        return equal(loss(family, 1), game + weight * error)

    return check


def without_skips(family: Family) -> bool:
    """Nothing passes but through the maps of the lowest resolution."""
    recipe = load_recipe("translation/unet-l1")
    torch.manual_seed(0)
    whole = build_family(recipe.family, recipe.settings | {"batch_size": N}, PAIRS)
    counts = [sum(p.numel() for p in f.networks.parameters()) for f in (whole, family)]
    return counts[1] < counts[0]


def without_cycle(family: Family) -> bool:
    parts = losses(family, 1)
    return "cycle" not in parts and equal(parts["loss"], parts["adversarial"])


def keeping_colours(family: Family) -> bool:
    """Half of the weight of the cycle on the error of images that are of the domain already."""
    parts, x = losses(family, 1), batch(family).x
    pairs = (("to_a", x[0::2]), ("to_b", x[1::2]))
    identity = sum((family.networks[name](half) - half).abs().mean() for name, half in pairs)
    return equal(parts["loss"], parts["adversarial"] + 10 * parts["cycle"] + 5 * identity)


def with_a_pool(family: Family) -> bool:
    """The discriminators wait for translations, and the rate falls to zero from the middle on."""
    schedule = player(family, 0).optimizer.schedule
    factors = [round(schedule.factor(shown, 0, 100), 6) for shown in (0, 50, 75, 100)]
    return player(family, 0).prepare is not None and factors == [1.0, 1.0, 0.5, 0.0]


CHECKS: Mapping[str, Callable[[Family], bool]] = {
    "gan/dcgan-minimax": minimax,
    "gan/dcgan-least-squares": least_squares,
    "gan/dcgan-hinge": hinge,
    "gan/dcgan-relativistic": relativistic,
    "gan/dcgan-smoothing": smoothed(0.9, 0.0),
    "gan/dcgan-smoothing-both": smoothed(0.9, 0.1),
    "gan/wgan": clipped,
    "gan/wgan-mlp": clipped,
    "gan/wgan-gp": lambda family: critic(family, 10, lambda norms: (norms - 1) ** 2),
    "gan/wgan-gp-mlp": lambda family: critic(family, 0.1, lambda norms: (norms - 1) ** 2),
    "gan/wgan-lp": lambda family: critic(family, 10, lambda norms: F.relu(norms - 1) ** 2),
    "gan/dcgan-r1": r1,
    "gan/dragan": dragan,
    "gan/dcgan-feature-matching": feature_matching,
    "gan/dcgan-spectral": spectral,
    "gan/dcgan-spectral-slow": rates(1e-4, 1e-4),
    "gan/dcgan-spectral-fast": rates(2.5e-3, 2.5e-3),
    "gan/dcgan-slow": rates(1e-4, 1e-4),
    "gan/dcgan-fast": rates(2.5e-3, 2.5e-3),
    "gan/dcgan-minimax-slow": rates(1e-4, 1e-4),
    "gan/dcgan-minimax-fast": rates(2.5e-3, 2.5e-3),
    "gan/dcgan-least-squares-slow": rates(1e-4, 1e-4),
    "gan/dcgan-least-squares-fast": rates(2.5e-3, 2.5e-3),
    "gan/dcgan-hinge-slow": rates(1e-4, 1e-4),
    "gan/dcgan-hinge-fast": rates(2.5e-3, 2.5e-3),
    "gan/dcgan-ttur": rates(1e-3, 2.5e-4),
    "gan/conv-plain": without_guidelines,
    "gan/dcgan-stddev": stddev,
    "gan/dcgan-minibatch": minibatch,
    "gan/mlp-minibatch": minibatch,
    "gan/dcgan-attention": attention,
    "gan/dcgan-augmented": augmented,
    "gan/dcgan-packing": packed(2),
    "gan/mlp-packing": packed(2),
    "gan/mlp-packing-3": packed(3),
    "gan/mlp-packing-4": packed(4),
    "gan/mlp-pacgan": published_program,
    "gan/mlp-pacgan-2": packed(2),
    "gan/mlp-pacgan-3": packed(3),
    "gan/mlp-pacgan-4": packed(4),
    "gan/mlp-averaged": averaged,
    "gan/mlp-consensus": consensus,
    "gan/mlp-unrolled": unrolled,
    "gan/dcgan-conditional": projection,
    "gan/dcgan-concatenation": concatenation,
    "gan/acgan": classifier,
    "gan/dcgan-text": of_texts,
    "gan/dcgan-progressive": progressive,
    "gan/sngan-residual": residual,
    "style/stylegan-w": by_styles,
    "style/stylegan2": demodulated,
    "style/stylegan2-path-length": of_path_lengths,
    "style/stylegan2-residual": papers_discriminator,
    "translation/pix2pix": with_adversary(100.0),
    "translation/pix2pix-adversary": with_adversary(0.0),
    "translation/unet-l1-no-skips": without_skips,
    "translation/cyclegan-no-cycle": without_cycle,
    "translation/cyclegan-identity": keeping_colours,
    "translation/cyclegan-pool": with_a_pool,
}
"""By recipe, what its paper names."""

PARENTS: Mapping[str, Any] = {
    name: load_yaml(shipped_files("models")[name]).value.get("extends")
    for name in list_recipes()
    if name.startswith(("gan/", "style/", "translation/"))
}


def test_every_recipe_with_a_parent_has_a_check():
    assert set(CHECKS) == {name for name, parent in PARENTS.items() if parent}


@pytest.mark.parametrize("name", CHECKS)
def test_a_recipe_has_what_its_paper_names_and_its_parent_has_not(name: str):
    assert CHECKS[name](built(name))
    assert not CHECKS[name](built(PARENTS[name]))
