"""A user's family, tried on a few images before anything trains: in seconds, and not after hours,
it shows whether it is what `harness.families.base` asks for. Built-in families have tests instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from harness.config.recipe import Recipe
from harness.config.suite import LoadedSuite
from harness.config.training_fraction import split_fraction
from harness.core.error_location import defined, is_users
from harness.core.errors import FAILURES, BadInput, suggest
from harness.core.seeding import generator
from harness.data.base import Dataset
from harness.data.batch import Batch
from harness.data.load import stand_in
from harness.data.loader import Batches
from harness.data.pixels import stored_as, to_float
from harness.evaluation.measure import error_line
from harness.evaluation.outputs import WrongOutput, checked, scale_fault
from harness.evaluation.requirements import Need
from harness.evaluation.specs import metric_needs
from harness.families import FAMILIES
from harness.families.base import PROGRESS, Family, Phase, Player
from harness.families.capabilities import (
    Reconstructs,
    Restores,
    Samples,
    Translates,
    is_conditional,
    takes_texts,
)
from harness.families.optimizers import Optimizer
from harness.families.pretrained.autoencoder_model import PretrainedAutoencoder
from harness.families.pretrained.model import Pretrained
from harness.metrics.base import Metric
from harness.plan.building import build_model, is_user_family
from harness.plan.cells import Cell
from harness.plan.planning import Plan
from harness.training.freezing import Trainable

SAMPLES = 8
"""Images that a model is asked for, or shown, once it is built."""


def try_planned(plan: Plan, cells: Sequence[Cell]) -> None:
    """Try each user's family of the cells on each of their datasets. Raises BadInput, at the file
    and line of the recipe, for the first that cannot be trained or measured.
    """
    pairs = {
        (cell.dataset, split_fraction(cell.model)[0]): cell for cell in cells if cell.is_trained
    }
    for (dataset, model), cell in pairs.items():
        asked = [plan.metrics[w.metric] for w in cell.planned_measurements if not w.obstacle]
        _try(plan.recipes[model], plan.datasets[dataset], asked, cell.numerics.device)


def try_checked(
    loaded: LoadedSuite, metrics: Mapping[str, Metric], recipes: Mapping[str, Recipe]
) -> None:
    """The same without data, on noise, where the shape of a dataset is known without."""
    for entry in loaded.suite.datasets:
        candidates = [recipes[m] for m in loaded.suite.models_on(entry) if _is_tried(recipes[m])]
        dataset = stand_in(entry.name) if candidates else None
        for recipe in candidates if dataset else ():
            asked = [metrics[name] for name in loaded.suite.metrics_on(entry)]
            _try(recipe, dataset, asked, "cpu")  # type: ignore[arg-type]


def _is_tried(recipe: Recipe) -> bool:
    """Whether a user's code or a pretrained model may fail in this recipe."""
    family = FAMILIES.load(recipe.family)
    return is_user_family(family) or issubclass(family, Pretrained | PretrainedAutoencoder)


def _try(recipe: Recipe, dataset: Dataset, metrics: Sequence[Metric], device: str) -> None:
    if not _is_tried(recipe):
        return
    needed = {need for metric in metrics for need in metric_needs(metric)}
    try:
        # Whatever the family does to torch's global generator is undone.
        with torch.random.fork_rng(devices=[]):
            _try_out(recipe, dataset, needed, torch.device(device))
    except BadInput as error:
        said = f"{recipe.name} on {dataset.name}: {error}"
        raise recipe.document.error(said, ("family",)) from error


def _try_out(recipe: Recipe, dataset: Dataset, needed: set[Need], device: torch.device) -> None:
    with _trying("build", FAMILIES.load(recipe.family).build):
        family = build_model(recipe.family, recipe.settings, dataset, seed=0)
    if isinstance(family, Pretrained | PretrainedAutoencoder):
        family.to(device)
    else:
        _check_training(family, dataset, device)
    family.networks.eval()
    with _trying("the family", type(family)), torch.inference_mode():
        _check_outputs(family, dataset, needed, device)


def _check_training(family: Family, dataset: Dataset, device: torch.device) -> None:
    """Train each of its phases on the first images. Raises BadInput where one cannot be."""
    _check_networks(family)
    with _trying("phases", family.phases):
        phases = family.phases()
    _check_phases(family, phases)
    family.to(device)
    batches = _batches(family, dataset, device)
    trainable = Trainable(family.networks)
    for phase in phases:
        _check_phase(phase, family.networks, batches, trainable)
    trainable.release()


@contextmanager
def _trying(what: str, method: Callable[..., Any]) -> Iterator[None]:
    """What is raised becomes BadInput with its place in the user's code, or that of the method."""
    try:
        yield
    except BadInput:
        raise
    except WrongOutput as error:
        raise BadInput(str(error)) from error
    except FAILURES as error:
        if is_users(error):
            raise BadInput(f"{what} fails with {error_line(error)}") from error
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise _at(method, f"{what} fails with {said}") from error


def _at(function: Callable[..., Any], message: str) -> BadInput:
    place = defined(function)
    return BadInput(message + (f" ({place})" if place else ""))


def _check_networks(family: Family) -> None:
    found = getattr(family, "networks", None)
    if not isinstance(found, nn.ModuleDict):
        raise _at(family.build, f"build gave a {type(found).__name__}; an nn.ModuleDict is needed")
    for name in family.averaged:
        if name not in found:
            raise BadInput(f"averaged names {name!r}, no network of build{suggest(name, found)}")


def _check_phases(family: Family, phases: object) -> None:
    if not isinstance(phases, tuple | list) or not all(isinstance(p, Phase) for p in phases):
        raise _at(family.phases, "phases gave no tuple of Phase; (Phase((player,)),) is one")
    names = [phase.name for phase in phases]
    if not phases or len(set(names)) < len(names):
        raise _at(family.phases, f"phases are named {names}; one is needed, and names that differ")
    for phase in phases:
        players = phase.players
        if not isinstance(players, tuple | list) or not (players or phase.begin):
            raise _at(family.phases, f"phase {phase.name!r} has no tuple of players")
        if not players and phase.share:
            raise _at(
                family.phases,
                f"phase {phase.name!r} has no players and a share of {phase.share:g};"
                " one that only begins has share=0.0",
            )
        for player in players:
            if not isinstance(player, Player):
                kind = type(player).__name__
                raise _at(family.phases, f"phase {phase.name!r} has a {kind} among its players")
            _check_trained(family, player)
        if len({player.name for player in players}) < len(players):
            raise _at(family.phases, f"two players of phase {phase.name!r} have one name")


def _check_trained(family: Family, player: Any) -> None:
    """That a player's networks exist, and have something to train."""
    trains, networks = player.trains, family.networks
    if isinstance(trains, str) or not trains:
        raise _at(
            family.phases,
            f"player {player.name!r} trains {trains!r}; a tuple of networks is needed, as"
            f" ({trains or next(iter(networks), 'net')!r},)",
        )
    for name in trains:
        if name not in networks:
            hint = suggest(name, networks)
            raise _at(family.phases, f"player {player.name!r} trains {name!r}, no network{hint}")
    learns = any(p.requires_grad for name in trains for p in networks[name].parameters())
    if not (learns or player.after):
        raise _at(family.phases, f"player {player.name!r} trains networks without parameters")
    if not isinstance(player.optimizer, Optimizer):
        kind = type(player.optimizer).__name__
        raise _at(family.phases, f"player {player.name!r} has a {kind} as its optimizer settings")
    if not isinstance(player.updates, int) or player.updates < 1:
        raise _at(family.phases, f"player {player.name!r} makes {player.updates!r} updates a step")


def _batches(family: Family, dataset: Dataset, device: torch.device) -> Batches:
    settings = family.settings
    return Batches(dataset.train, settings.batch_size, 0, device, flip=settings.flip)


def _check_phase(
    phase: Phase, networks: nn.ModuleDict, batches: Batches, trainable: Trainable
) -> None:
    """That a phase begins, and that its players can train on its first batch."""
    if phase.begin:
        trainable.freeze_all_but(())
        with _trying("begin", phase.begin), torch.no_grad():
            phase.begin(networks, batches, generator(0, "trial", device=batches.device))
    trainable.freeze_all_but(phase.trains)
    batch = batches.of_size(phase.batch_size or batches.batch_size).batch(0)
    for player in phase.players:
        _check_player(player, networks, batch, batches.device)


def _check_player(
    player: Player, networks: nn.ModuleDict, batch: Batch, device: torch.device
) -> None:
    """That noise comes from the generator, and that the loss is one that can be minimised."""
    with _trying("noise", player.noise):
        noise, again = (
            player.noise(len(batch.x), generator(0, "trial", device=device)) for _ in range(2)
        )
    _check_noise(noise, player.noise, "noise")
    if not _alike(noise, again):
        raise _at(player.noise, "noise gave others from the same generator; draw all of it there")
    if player.reads_progress:
        noise = {**noise, PROGRESS: torch.zeros((), device=device)}
    if player.prepare:
        with _trying("prepare", player.prepare), torch.no_grad():
            noise = player.prepare(networks, batch, noise)
        _check_noise(noise, player.prepare, "prepare")
    with _trying("the loss", player.loss):
        losses = player.loss(networks, batch, noise)
    _check_losses(player, networks, losses)
    if player.after:
        with _trying("after", player.after), torch.no_grad():
            more = player.after(networks, batch, noise)
        _check_scalars({} if more is None else more, player.after, "after")


def _check_noise(noise: object, method: Callable[..., Any], name: str) -> None:
    if not isinstance(noise, Mapping) or not all(isinstance(x, Tensor) for x in noise.values()):
        raise _at(method, f"{name} gave a {type(noise).__name__}; a dict of tensors is needed")


def _alike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _check_scalars(losses: object, method: Callable[..., Any], name: str) -> None:
    """That what a player logs are finite scalars by name."""
    if not isinstance(losses, Mapping):
        kind = type(losses).__name__
        raise _at(method, f"{name} gave a {kind}; a dict of scalars is needed")
    for key, value in losses.items():
        if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            kind = type(value).__name__
            raise _at(method, f"{name} gave a {kind}{shape} as {key!r}; scalars are needed")
        if not value.isfinite():
            number = f"{name} gave {value.item()} as {key!r} on the first batch"
            raise _at(method, f"{number}; nothing can be learnt")


def _check_losses(player: Player, networks: nn.ModuleDict, losses: Any) -> None:
    if not isinstance(losses, Mapping):
        kind = type(losses).__name__
        raise _at(player.loss, f"loss gave a {kind}; a dict with the scalar 'loss' is needed")
    if "loss" not in losses:
        names = ", ".join(map(repr, losses)) or "nothing"
        raise _at(player.loss, f"loss gave {names}; 'loss', which is minimised, is missing")
    _check_scalars(losses, player.loss, "loss")
    if not _parameters(player, networks):
        return
    loss, trained = losses["loss"], ", ".join(player.trains)
    if not loss.requires_grad:
        raise _at(
            player.loss, f"loss gave a 'loss' without gradients: it does not depend on {trained}"
        )
    with _trying("the gradient of the loss", player.loss):
        slopes = torch.autograd.grad(loss, _parameters(player, networks), allow_unused=True)
    if all(slope is None for slope in slopes):
        raise _at(player.loss, f"loss gave a 'loss' that does not depend on {trained}")


def _parameters(player: Player, networks: nn.ModuleDict) -> list[nn.Parameter]:
    found = [p for name in player.trains for p in networks[name].parameters()]
    return [parameter for parameter in found if parameter.requires_grad]


def _check_outputs(
    family: Family, dataset: Dataset, needed: set[Need], device: torch.device
) -> None:
    """What pictures show, and what metrics need: all in the form that it is measured in."""
    few = dataset.normal_test.images[:SAMPLES]
    model: Any = checked(family, few)
    x = to_float(few.to(device))
    draws = generator(0, "trial", device=device)
    if isinstance(family, Samples):
        _check_samples(model, family, dataset, device)
    _check_made(model, family, dataset, x, device)
    asks: dict[str, tuple[set[Need], Callable[[], object]]] = {
        "encode": ({"codes"}, lambda: model.encode(x)),
        "posterior": ({"posterior"}, lambda: model.posterior(x)),
        "decode": ({"latents"}, lambda: model.decode(model.latents(SAMPLES, draws))),
        "score": ({"scores"}, lambda: model.score(x)),
        "score_map": ({"maps"}, lambda: model.score_map(x)),
        "discriminate": ({"critic", "odds"}, lambda: model.discriminate(x)),
        "opponent_samples": ({"critic", "odds"}, lambda: model.opponent_samples(SAMPLES, draws)),
        "elbo": ({"likelihood"}, lambda: model.elbo(x, draws)),
        "importance_bound": ({"importance"}, lambda: model.importance_bound(x, 2, draws)),
    }
    for name, (wanted, ask) in asks.items():
        if hasattr(family, name) and wanted & needed:
            ask()


def _check_made(
    model: Any, family: Family, dataset: Dataset, x: Tensor, device: torch.device
) -> None:
    """Images that are made from others."""
    part = dataset.normal_test
    if dataset.unpaired:
        if isinstance(family, Translates):
            model.translate(x, "forward")
            model.translate(x, "backward")
    elif part.sources is not None:
        if isinstance(family, Restores):
            known = None if part.known is None else part.known[: len(x), None].float().to(device)
            model.restore(to_float(part.sources[: len(x)].to(device)), known)
    elif isinstance(family, Reconstructs):
        model.reconstruct(x)


def _check_samples(model: Any, family: Any, dataset: Dataset, device: torch.device) -> None:
    """The same from the same generator, all randomness from it, and on the scale of the data."""
    name, ask = _sampler(model, dataset, device)
    draws = generator(0, "trial", device=device)
    before = draws.get_state()
    first, again = ask(draws), ask(generator(0, "trial", device=device))
    method = getattr(family, name)
    if not torch.allclose(first, again, atol=1e-4):
        raise _at(
            method, f"{name} gave other images from the same generator; draw all that is random"
            " from it, as torch.randn(…, generator=generator, device=generator.device) does",
        )  # fmt: skip
    differ = bool((first != first[:1]).any())
    if name == "sample" and differ and torch.equal(before, draws.get_state()):
        raise _at(method, f"{name} gave images that differ and drew nothing from its generator")
    stored = stored_as(dataset.train.images.dtype, first).cpu()
    if fault := scale_fault(stored, dataset.normal_test.images):
        raise _at(method, f"{name} {fault}")


def _sampler(
    model: Any, dataset: Dataset, device: torch.device
) -> tuple[str, Callable[[torch.Generator], Tensor]]:
    """The method that samples are asked of, as `harness.evaluation.samples` does."""
    part = dataset.normal_test
    if is_conditional(model):
        labels = part.labels[:SAMPLES].to(device)
        return "sample_labels", lambda draws: model.sample_labels(labels, draws)
    if takes_texts(model) and part.texts:
        texts = part.texts[:SAMPLES]
        return "sample_texts", lambda draws: model.sample_texts(texts, draws)
    return "sample", lambda draws: model.sample(SAMPLES, draws)
