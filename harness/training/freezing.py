"""The networks that a phase does not train keep their weights and buffers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from torch import nn


class Trainable:
    """The parameters that a family trains, by network. Those that it made without gradients, such
    as weights that it starts from, are never among them.
    """

    def __init__(self, networks: nn.ModuleDict) -> None:
        self._networks = networks
        self._parameters = {
            name: [p for p in network.parameters() if p.requires_grad]
            for name, network in networks.items()
        }

    def of(self, names: Collection[str]) -> list[nn.Parameter]:
        """The parameters of the named networks, each once."""
        return list(dict.fromkeys(p for name in names for p in self._parameters[name]))

    def freeze_all_but(self, names: Collection[str]) -> None:
        """Lets gradients reach the named networks alone; the others are in evaluation mode, so that
        their buffers stay too.
        """
        for parameter in self.of(self._parameters):
            parameter.requires_grad_(False)
        for parameter in self.of(names):
            parameter.requires_grad_()
        set_modes(self._networks, names)

    def release(self) -> None:
        """Lets gradients reach all networks again."""
        for parameter in self.of(self._parameters):
            parameter.requires_grad_()


def set_modes(networks: nn.ModuleDict, trained: Collection[str]) -> None:
    """Puts the `trained` networks in training mode and all others in evaluation mode."""
    networks.train()
    for name, network in networks.items():
        network.train(name in trained)


@contextmanager
def evaluating(networks: nn.ModuleDict) -> Iterator[None]:
    """Puts networks in evaluation mode, and each module back in its own at the end."""
    modes = {module: module.training for module in networks.modules()}
    networks.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
