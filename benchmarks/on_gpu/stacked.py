"""Several seeds of a small model as one: weights with a dimension more, steps under `vmap`.

It is measured here to decide whether the harness should train so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from harness.core.cuda_graphs import Replayed, captures, cuda_graph
from harness.data.batch import Batch
from harness.data.loader import Batches
from harness.families.base import Player
from harness.training.budget import stages
from harness.training.state import TrainingState
from harness.training.step import Step, replayed
from on_gpu.bench import Bench, Row

MODELS = ("gan/mlp", "vae/mlp")


def rows(bench: Bench) -> list[Row]:
    """Milliseconds of a step of one seed: one after the other, and so many at once."""
    found = []
    for model in MODELS:
        alone = _alone(bench, model)
        found.append(_row(model, 1, alone, alone))
        found += [_row(model, k, alone, _together(bench, model, k)) for k in bench.seeds]
    return found


def _row(model: str, seeds: int, alone: float, seconds: float) -> Row:
    return {
        "model": model,
        "seeds at once": seeds,
        "ms a step and seed": 1e3 * seconds,
        "times as fast": alone / seconds,
    }


def _batch(bench: Bench, size: int) -> Batch:
    images = bench.dataset.train.images[:size].to(bench.device) / 127.5 - 1
    return Batch(images, torch.zeros(len(images), dtype=torch.int64, device=bench.device))


def _alone(bench: Bench, model: str) -> float:
    """Seconds of a step as the harness takes it, replayed where there are graphs."""
    family = bench.family(model)
    graph = captures("graph", bench.device)
    state = TrainingState(family, 0, bench.device, "graph")
    batches = Batches(bench.dataset.train, family.settings.batch_size, 0, bench.device)
    state.begin(0, batches)
    step = Step(state, stages(state.phases, 10**6, batches.batch_size)[0], captured=graph)
    take = replayed(step, state) if graph else step
    batch = _batch(bench, family.settings.batch_size)
    return _per_step(bench, lambda: take(step.draw([batch])))


def _per_step(bench: Bench, step: Callable[[], object]) -> float:
    def steps() -> None:
        for _ in range(bench.few):
            step()

    return bench.each(steps) / bench.few


def _together(bench: Bench, model: str, seeds: int) -> float:
    """Seconds of a step, for each seed."""
    together = Together(bench, model, seeds)
    take: Callable[[Given], object] = together
    if captures("graph", bench.device):
        take = Replayed(together, partial(cuda_graph, changed=together.changing))
    return _per_step(bench, lambda: take(together.draw())) / seeds


@dataclass(frozen=True)
class Given:
    """Images of all seeds and the noise of each player, each with a dimension more."""

    x: Tensor
    noise: list[dict[str, Tensor]]


class Together:
    """A training step of several seeds."""

    def __init__(self, bench: Bench, model: str, seeds: int) -> None:
        families = [bench.family(model, seed) for seed in range(seeds)]
        parameters, _ = stack_module_state([family.networks for family in families])
        self._parameters = {
            name: nn.Parameter(p.detach().to(bench.device)) for name, p in parameters.items()
        }
        self._shell = copy.deepcopy(families[0].networks).to("meta")
        self._players = families[0].phases()[0].players
        self._optimizers = [self._adam(player) for player in self._players]
        self._draws = [torch.Generator(bench.device).manual_seed(s) for s in range(seeds)]
        batch = _batch(bench, families[0].settings.batch_size)
        self._x, self._labels = torch.stack([batch.x] * seeds), batch.labels

    def _adam(self, player: Player) -> torch.optim.Adam:
        own = [p for name, p in self._parameters.items() if name.split(".")[0] in player.trains]
        chosen = player.optimizer
        return torch.optim.Adam(own, chosen.lr, chosen.betas, fused=True, capturable=True)

    def draw(self) -> Given:
        """What the next step is given."""
        size = self._x.shape[1]
        drawn = [[p.noise(size, draws) for draws in self._draws] for p in self._players]
        return Given(
            self._x,
            [{key: torch.stack([n[key] for n in of]) for key in of[0]} for of in drawn],
        )

    def __call__(self, given: Given) -> list[Tensor]:
        """Takes the step; the losses of each player, one a seed."""
        losses = []
        for player, optimizer, noise in zip(
            self._players, self._optimizers, given.noise, strict=True
        ):
            found = vmap(partial(self._loss, player))(self._parameters, given.x, noise)
            optimizer.zero_grad()
            torch.autograd.backward(found.sum(), inputs=optimizer.param_groups[0]["params"])
            optimizer.step()
            losses.append(found.detach())
        return losses

    def _loss(
        self, player: Player, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]
    ) -> Tensor:
        weights = {f"networks.{name}": value for name, value in parameters.items()}
        loss = _Loss(player, self._shell)
        value: Tensor = functional_call(loss, weights, (Batch(x, self._labels), noise))
        return value

    def changing(self) -> Mapping[str, Tensor]:
        """The tensors that a step changes, by name."""
        found: dict[str, Tensor] = dict(self._parameters)
        for number, optimizer in enumerate(self._optimizers):
            for index, entry in optimizer.state_dict()["state"].items():
                found |= {f"{number}/{index}/{key}": value for key, value in entry.items()}
        return found


class _Loss(nn.Module):
    """A player's loss as a module of the networks, which can have the weights of any seed."""

    def __init__(self, player: Player, networks: nn.ModuleDict) -> None:
        super().__init__()
        self.player, self.networks = player, networks

    def forward(self, batch: Batch, noise: Mapping[str, Tensor]) -> Tensor:
        """The loss of a batch."""
        return self.player.loss(self.networks, batch, noise)["loss"]
