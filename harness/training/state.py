"""Everything that changes while a model trains: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from harness.core.cuda_graphs import Accelerate, captures
from harness.core.seeding import generator
from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, Player
from harness.training import data_parallel
from harness.training.average import MovingAverage
from harness.training.compute import Loss, compute_loss, layout
from harness.training.losses import LossMeans


@dataclass(frozen=True)
class CurvePoint:
    """A point of the loss curves: means since the last one, by `player/loss`, after `images`."""

    images: int
    losses: dict[str, float]


class PlayerState:
    """A player at work: how its loss is computed, its parameters, optimiser and source of noise.

    A `captured` one's optimiser keeps all that changes on the device.
    """

    def __init__(
        self,
        player: Player,
        loss: Loss,
        networks: nn.ModuleDict,
        noise: torch.Generator,
        captured: bool,
    ) -> None:
        self.player = player
        self.loss = loss
        self.parameters = [p for name in player.trains for p in networks[name].parameters()]
        trains_all = len(self.parameters) == len(list(networks.parameters()))
        # Whose gradients are wanted, where there are others: to look for paths to them takes time.
        self._wanted = None if trains_all else self.parameters
        adam = player.optimizer
        self.optimizer = torch.optim.Adam(
            self.parameters, adam.lr, adam.betas, weight_decay=adam.weight_decay, fused=True,
            capturable=captured,
        )  # fmt: skip
        self.noise = noise

    def take(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """One optimiser step on a batch; its losses, still on the device."""
        losses = self.loss(networks, *data_parallel.share(batch, noise))
        for parameter in self.parameters:
            parameter.grad = None  # what zero_grad() does in five times the time
        torch.autograd.backward(losses["loss"], inputs=self._wanted)
        losses = data_parallel.average_gradients(self.parameters, losses)
        self.optimizer.step()
        return {name: loss.detach() for name, loss in losses.items()}


@dataclass
class TrainingState:
    """Networks, their average, and for each phase its players' turns; and how far it all is."""

    networks: nn.ModuleDict
    turns: list[list[PlayerState]]
    average: MovingAverage | None
    step: int = 0
    seconds: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)
    losses: LossMeans = field(default_factory=LossMeans)

    @classmethod
    def start(
        cls, family: Family, seed: int, device: torch.device, accelerate: Accelerate = "off"
    ) -> TrainingState:
        """The state before the first step."""
        if accelerate == "compile":
            torch.compiler.reset()  # what was compiled for other models counts against a limit
        networks = family.networks.to(device).to(memory_format=layout(family.settings)).train()

        def turn(phase: Phase, player: Player) -> PlayerState:
            noise = generator(seed, "noise", phase.name, player.name, device=device)
            loss = compute_loss(player.loss, family.settings, device, accelerate)
            return PlayerState(player, loss, networks, noise, captures(accelerate, device))

        turns = [[turn(phase, player) for player in phase.players] for phase in family.phases()]
        averaged = nn.ModuleDict({name: networks[name] for name in family.averaged})
        decay = family.settings.ema
        return cls(networks, turns, MovingAverage(averaged, decay) if averaged and decay else None)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, e.g. `optimizer/0/generator/3/exp_avg`."""
        noise = {path: turn.noise.get_state() for path, turn in self._paths()}
        losses = self.losses.tensors()
        return self.changing() | _prefixed("losses", losses) | _prefixed("noise", noise)

    def changing(self) -> dict[str, Tensor]:
        """Those that a step changes in place."""
        found = _prefixed("networks", self.networks.state_dict())
        if self.average:
            found |= _prefixed("average", self.average.average.state_dict())
        for path, turn in self._paths():
            for index, entry in turn.optimizer.state_dict()["state"].items():
                found |= _prefixed(f"optimizer/{path}/{index}", entry)
        return found

    def values(self) -> dict[str, Any]:
        """What else there is, as plain types."""
        curve = [[point.images, point.losses] for point in self.curve]
        return {"step": self.step, "seconds": self.seconds, "curve": curve}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Takes everything from a checkpoint."""
        self.networks.load_state_dict(_below("networks", tensors))
        self.losses.restore(_below("losses", tensors))
        if self.average:
            self.average.average.load_state_dict(_below("average", tensors))
        for path, turn in self._paths():
            turn.noise.set_state(tensors[f"noise/{path}"])
            entries: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _below(f"optimizer/{path}", tensors).items():
                index, key = name.split("/")
                entries.setdefault(int(index), {})[key] = tensor
            groups = turn.optimizer.state_dict()["param_groups"]
            turn.optimizer.load_state_dict({"state": entries, "param_groups": groups})
            _lay_out(turn.optimizer)
        self.step, self.seconds = values["step"], values["seconds"]
        self.curve = [CurvePoint(images, losses) for images, losses in values["curve"]]

    def _paths(self) -> list[tuple[str, PlayerState]]:
        return [
            (f"{phase}/{turn.player.name}", turn)
            for phase, turns in enumerate(self.turns)
            for turn in turns
        ]


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Gives the moments the memory layout of their parameters: checkpoints have none, and the
    optimiser goes through both side by side.
    """
    for parameter, entry in optimizer.state.items():
        for name, tensor in entry.items():
            if tensor.shape == parameter.shape:
                entry[name] = torch.empty_like(parameter).copy_(tensor)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
