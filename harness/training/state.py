"""Everything that changes while a model trains: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.core.cuda_graphs import Accelerate, captures
from harness.core.seeding import generator
from harness.data.batch import Batch
from harness.families.base import Family, Loss, Losses, Noise, Phase, Player, TrainingImages
from harness.training import data_parallel
from harness.training.average import MovingAverage, copy_with
from harness.training.compute import compute_loss, layout
from harness.training.drift import SampleDrift
from harness.training.freezing import Trainable
from harness.training.losses import LossMeans
from harness.training.optimizers import clip_gradients, gradient_norm, make_optimizer

GRADIENT_NORM = "gradient_norm"
"""Among the losses of a player: the norm of its gradients before they are clipped."""
LEARNING_RATE = "learning_rate"
"""Among the values of a player in the training curves, where it changes."""


@dataclass(frozen=True)
class CurvePoint:
    """A point of the training curves, after `images`: the means of losses since the last point, by
    `player/loss`, and of the last step the norm of the gradients at `player/gradient_norm`, and a
    learning rate that changes at `player/learning_rate`. The loss of held-out images is there too,
    see `harness.training.held_out`, and the last point of a GAN has the drift of its samples, see
    `harness.training.drift`.
    """

    images: int
    losses: dict[str, float]


@dataclass
class PlayerState:
    """A player at work: how its loss is computed, its parameters, optimiser and source of noise.

    `wanted` are the parameters whose gradients are computed, None where the phase trains no others:
    to look for paths to them takes time. Where there are no parameters there is no optimiser.
    `unclipped_norm` is the norm of the last gradients before they were clipped, if they were.
    """

    player: Player
    loss: Loss
    parameters: list[nn.Parameter]
    wanted: list[nn.Parameter] | None
    optimizer: torch.optim.Optimizer | None
    noise: torch.Generator
    unclipped_norm: Tensor | None = None

    def take(
        self, networks: nn.ModuleDict, batch: Batch, noise: Noise, lr: float | Tensor | None = None
    ) -> Losses:
        """One optimiser step on a batch; its losses, still on the device. `lr` is the learning rate
        where that changes.
        """
        losses = self.loss(networks, *data_parallel.share(batch, noise))
        if self.optimizer:
            losses = self._step(self.optimizer, losses, lr)
        if self.player.after:
            with torch.no_grad(), data_parallel.whole_batches():
                losses = {**losses, **(self.player.after(networks, batch, noise) or {})}
        return {name: loss.detach() for name, loss in losses.items()}

    def _step(
        self, optimizer: torch.optim.Optimizer, losses: Losses, lr: float | Tensor | None
    ) -> Losses:
        for parameter in self.parameters:
            parameter.grad = None  # what zero_grad() does in five times the time
        torch.autograd.backward(losses["loss"], inputs=self.wanted)
        losses = data_parallel.average_gradients(self.parameters, losses)
        if clip := self.player.optimizer.clip:
            self.unclipped_norm = gradient_norm(self._gradients)
            clip_gradients(self._gradients, clip, self.unclipped_norm)
        if lr is not None:
            for group in optimizer.param_groups:
                group["lr"] = lr
        optimizer.step()
        return losses

    @property
    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.parameters if p.grad is not None]

    def gradient_norm(self) -> Tensor:
        """The norm of the last step's gradients before they were clipped, 0 where it had none. It
        is asked for only where losses are read: in a small network it takes a tenth of a step.
        """
        if self.unclipped_norm is not None:
            return self.unclipped_norm
        return gradient_norm(self._gradients or [self.parameters[0].new_zeros(())])

    @property
    def prepared(self) -> dict[str, Tensor]:
        """The state of the player's `prepare`, where it has one."""
        prepare = self.player.prepare
        return dict(prepare.state_dict()) if isinstance(prepare, nn.Module) else {}


class TrainingState:
    """Networks, and of the phase that trains them its players' states and its moving average; and
    how far it all is. `raw` has the weights that the last moving average took the place of.
    """

    def __init__(
        self, family: Family, seed: int, device: torch.device, accelerate: Accelerate = "off"
    ) -> None:
        """The state before the first phase."""
        if accelerate == "compile":
            torch.compiler.reset()  # what was compiled for other models counts against a limit
        family.to(device)
        self.networks = family.networks.to(memory_format=layout(family.settings))
        self.phases = family.phases()
        self.phase = -1
        self.players: list[PlayerState] = []
        self.average: MovingAverage | None = None
        self.raw: nn.ModuleDict | None = None
        self.step = 0
        self.seconds = 0.0
        self.curve: list[CurvePoint] = []
        self.losses = LossMeans()
        self.drift = SampleDrift(family, seed, device)
        self._family, self._seed = family, seed
        self._device, self._accelerate = device, accelerate
        self._trainable = Trainable(self.networks)

    def begin(self, index: int, images: TrainingImages | None) -> None:
        """Goes on to the phase `index`, with what it starts from; without that if there are no
        images.
        """
        phase = self.phases[index]
        if phase.begin and images is not None:
            draws = generator(self._seed, "begin", phase.name, device=self._device)
            self._trainable.freeze_all_but(())
            with torch.no_grad():
                phase.begin(self.networks, images, draws)
        self._open(index)

    def end(self) -> None:
        """Ends the phase: the networks have its averaged weights, and those that they had are
        `raw`.
        """
        if self.average:
            self.raw = self.average.adopt()
            self.average = None

    def finish(self) -> None:
        """Ends training: all networks are ready to be measured."""
        self._trainable.release()
        self.networks.to(memory_format=torch.contiguous_format).eval()
        if self.raw is not None:
            self.raw.to(memory_format=torch.contiguous_format).eval()
        self._family.raw = self.raw

    def _open(self, index: int) -> None:
        """Makes players' states and the average of the phase `index`, from the networks as they
        are.
        """
        phase = self.phases[index]
        self.phase = index
        self._trainable.freeze_all_but(phase.trains)
        self.players = [self._player(phase, player) for player in phase.players]
        names = [name for name in self._family.averaged if name in phase.trains]
        averaged = nn.ModuleDict({name: self.networks[name] for name in names})
        decay = self._family.settings.ema
        self.average = MovingAverage(averaged, decay) if averaged and decay else None

    def _player(self, phase: Phase, player: Player) -> PlayerState:
        settings, device = self._family.settings, self._device
        noise = generator(self._seed, "noise", phase.name, player.name, device=device)
        loss = compute_loss(player.loss, settings, device, self._accelerate)
        if isinstance(player.prepare, nn.Module):
            player.prepare.to(device)
        own, everyones = self._trainable.of(player.trains), self._trainable.of(phase.trains)
        captured = captures(self._accelerate, device)
        return PlayerState(
            player,
            loss,
            own,
            wanted=own if len(own) < len(everyones) else None,
            optimizer=make_optimizer(player.optimizer, own, captured) if own else None,
            noise=noise,
        )

    def read_losses(self) -> dict[str, float]:
        """The means of the losses since the last reading, and the last gradients' norms and
        learning rates; Diverged where a loss or a norm is not finite.
        """
        for turn in self.players:
            if turn.optimizer:
                self.losses.add([turn.player.name], [{GRADIENT_NORM: turn.gradient_norm()}])
        rates = {
            f"{turn.player.name}/{LEARNING_RATE}": float(turn.optimizer.param_groups[0]["lr"])
            for turn in self.players
            if turn.optimizer and turn.player.optimizer.is_scheduled
        }
        return {**self.losses.read(self.step), **rates}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, e.g. `optimizer/0/generator/3/exp_avg`."""
        found = self.changing() | _prefixed("losses", self.losses.tensors())
        if self.raw is not None:
            found |= _prefixed("raw", self.raw.state_dict())
        if self.drift.late is not None:
            found["drift/late"] = self.drift.late
        for path, turn in self._paths():
            found |= _prefixed(f"prepare/{path}", turn.prepared)
            found[f"noise/{path}"] = turn.noise.get_state()
        return found

    def changing(self) -> dict[str, Tensor]:
        """The tensors that a step changes in place."""
        found = _prefixed("networks", self.networks.state_dict())
        if self.average:
            found |= _prefixed("average", self.average.average.state_dict())
        for path, turn in self._paths():
            state = turn.optimizer.state_dict()["state"] if turn.optimizer else {}
            for index, entry in state.items():
                found |= _prefixed(f"optimizer/{path}/{index}", entry)
        return found

    def values(self) -> dict[str, Any]:
        """What else there is, as plain types."""
        curve = [[point.images, point.losses] for point in self.curve]
        return {"step": self.step, "phase": self.phase, "seconds": self.seconds, "curve": curve}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Takes everything from a checkpoint."""
        self.networks.load_state_dict(_below("networks", tensors))
        self._open(values["phase"])
        self.losses.restore(_below("losses", tensors))
        raw = _below("raw", tensors)
        self.raw = copy_with(self.networks, raw) if raw else None
        if self.average:
            self.average.average.load_state_dict(_below("average", tensors))
        for path, turn in self._paths():
            turn.noise.set_state(tensors[f"noise/{path}"])
            if isinstance(turn.player.prepare, nn.Module):
                turn.player.prepare.load_state_dict(_below(f"prepare/{path}", tensors))
            if turn.optimizer:
                _restore_optimizer(turn.optimizer, _below(f"optimizer/{path}", tensors))
        late = tensors.get("drift/late")
        self.drift.late = None if late is None else late.to(self._device)
        self.step, self.seconds = values["step"], values["seconds"]
        self.curve = [CurvePoint(images, losses) for images, losses in values["curve"]]

    def _paths(self) -> list[tuple[str, PlayerState]]:
        return [(f"{self.phase}/{turn.player.name}", turn) for turn in self.players]


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        entries.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": entries, "param_groups": groups})
    _lay_out(optimizer)


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
