"""Every recipe of the zoo trains: its loss on one batch falls, and it does what its family can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from ramps import Ramps, ramps_family
from torch import Tensor

from harness.config.recipe import list_recipes, load_recipe
from harness.families import FAMILIES, base, capabilities
from harness.families.base import Family, Phase
from harness.families.repaint import Repaint
from harness.training.loop import train

STEPS, FEW = 40, 5
"""Steps of a phase; few where a loss need not fall."""
FALL = 0.9
"""What is left of a loss after these steps, at most."""
LESS = {
    "autoencoder/deep": 0.99,  # four hidden layers on each side start on a plateau
    "vae/mlp": 0.97,
    "vae/mlp-bernoulli": 0.93,  # 784 bits of which most are as likely at first as at the end
    "vae/mlp-iwae": 0.93,
    "diffusion/mlp-edm": 0.98,
    "diffusion/mlp": 0.99,  # an MLP sees noise as images before it sees images in noise
}
"""The recipes whose losses fall by less, and what is left of them at most."""
ADVERSARIAL = (
    "gan", "stylegan", "progressive", "text_gan", "cyclegan", "pix2pix", "code_adversary",
    "vae_gan", "factor_vae", "vq_gan",
)  # fmt: skip
"""Families whose losses are those of a game, and need not fall."""
N, SIZE = 8, 16


TAUGHT = ("consistency", "distillation", "classifier_guided")
"""Families of which a loss need not fall here: what learns from a network that has been trained
itself begins with one that knows nothing, and the classes of ramps cannot be told apart.
"""


def images(x: object) -> None:
    assert isinstance(x, Tensor)
    assert x.shape in ((N, 1, SIZE, SIZE), (N, 3, SIZE, SIZE))  # a video has three frames
    assert x.isfinite().all()
    assert x.abs().max() <= 1


def vectors(x: object) -> None:
    assert isinstance(x, Tensor)
    assert len(x) == N
    assert x.isfinite().all()


Ask = Callable[[Any, Tensor, torch.Generator], object]
CAPABILITIES: list[tuple[type, Ask, Callable[[object], None]]] = [
    (capabilities.Samples, lambda f, x, g: f.sample(N, g), images),
    (capabilities.Reconstructs, lambda f, x, g: f.reconstruct(x), images),
    (capabilities.Encodes, lambda f, x, g: f.encode(x), vectors),
    (capabilities.Posterior, lambda f, x, g: torch.cat(f.posterior(x), dim=1), vectors),
    (capabilities.Likelihood, lambda f, x, g: f.elbo(x, g), vectors),
    (capabilities.FlowLikelihood, lambda f, x, g: f.ode_log_likelihood(x, g, 1e-2), vectors),
    (capabilities.ImportanceBound, lambda f, x, g: f.importance_bound(x, 3, g), vectors),
    (capabilities.Compresses, lambda f, x, g: f.code_bits(x), vectors),
    (capabilities.Scores, lambda f, x, g: f.score(x), vectors),
    (capabilities.FillsIn, lambda f, x, g: f.fill_in(x, g), images),
    (capabilities.ScoreMaps, lambda f, x, g: f.score_map(x), vectors),
    (capabilities.Discriminates, lambda f, x, g: f.discriminate(x), vectors),
]


def trained_recipes() -> list[str]:
    """Those that take steps; of recipes that differ in how they sample alone, the first."""
    names: dict[str, str] = {}
    for name in list_recipes():
        recipe = load_recipe(name)
        if FAMILIES.load(recipe.family).takes_steps:
            settings = {key: value for key, value in recipe.settings.items() if key != "sampling"}
            names.setdefault(repr((recipe.family, sorted(settings.items()))), name)
    return list(names.values())


@pytest.mark.parametrize("name", trained_recipes())
def test_it_trains_and_does_what_it_can(name: str) -> None:
    family, batches = ramps_family(name)
    phases = family.phases()
    players = [player for phase in phases for player in phase.players]
    before = _losses(family, batches)
    is_game = type(family).__module__.rpartition(".")[2] in (*ADVERSARIAL, *TAUGHT)
    updates = max((player.updates for player in players), default=0)
    steps = (FEW if is_game else STEPS) * len(phases) * updates
    train(family, batches, batches.size * steps, seed=0, device=torch.device("cpu"))
    after = _losses(family, batches)
    assert all(value.isfinite() for value in after.values())
    if not is_game:
        for player in _last_trained(phases):
            loss = after[player]
            assert loss <= LESS.get(name, FALL) * before[player], player
    _ask(family)


def _last_trained(phases: tuple[Phase, ...]) -> list[str]:
    """The players whose networks no later phase trains again."""
    return [
        f"{phase.name}/{player.name}"
        for number, phase in enumerate(phases)
        for player in phase.players
        if not any(phase.trains & later.trains for later in phases[number + 1 :])
    ]


def _losses(family: Family, batches: Ramps) -> dict[str, Tensor]:
    """Each player's loss on a fixed batch and fixed noise, in evaluation mode."""
    batch, values = batches.batch(0), {}
    for phase in family.phases():
        for player in phase.players:
            noise = dict(player.noise(len(batch.x), torch.Generator().manual_seed(0)))
            noise[base.PROGRESS] = torch.tensor(1.0)
            family.networks.train()
            values[f"{phase.name}/{player.name}"] = player.loss(family.networks, batch, noise)[
                "loss"
            ].detach()
    family.networks.eval()
    return values


def _ask(family: Family) -> None:
    ramps = Ramps(with_sources=False, frames=family.shape.frames)
    batch, generator = ramps.batch(0), torch.Generator().manual_seed(0)
    x, model = batch.x[:N], cast(Any, family)
    for kind, ask, check in CAPABILITIES:
        asked = capabilities.is_conditional(family) or capabilities.takes_texts(family)
        if kind is capabilities.Discriminates and asked:
            continue  # it judges images of a class or a text
        if kind is capabilities.FillsIn and not capabilities.fills_in(family):
            continue
        if kind in (capabilities.Likelihood, capabilities.FlowLikelihood):
            has = capabilities.bounds_likelihood, capabilities.has_density
            if not has[kind is capabilities.FlowLikelihood](family):
                continue  # of some settings alone
        if isinstance(family, kind):
            check(ask(family, x, generator))
    if capabilities.is_conditional(family):
        images(model.sample_labels(batch.labels[:N], generator))
    elif isinstance(family, capabilities.Latents):
        images(family.decode(family.latents(N, generator)))
    if isinstance(family, capabilities.Restores):
        needs_mask = isinstance(family, Repaint)
        images(family.restore(x, torch.ones_like(x[:, :1]) if needs_mask else None))


@pytest.mark.parametrize("name", list_recipes())
def test_its_settings_as_they_are_recorded_are_valid(name: str) -> None:
    """A cell is built from the settings that its plan has written, with all defaults."""
    recipe = load_recipe(name)
    settings = FAMILIES.load(recipe.family).Settings.model_validate(recipe.settings)
    assert type(settings).model_validate(settings.model_dump(mode="json")) == settings
