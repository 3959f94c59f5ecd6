"""The small convolutional network behind `classifier:…`, and how it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.output_files import make_folder, write_output

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Architecture:
    """What the network is built for and of.

    A stage is `convs[i]` convolutions of `widths[i]` channels; each stage but the first works at
    half the resolution of the one before. The pooled features have the last width.
    """

    channels: int
    size: int
    classes: int
    widths: tuple[int, ...]
    convs: tuple[int, ...]


class ClassifierNet(nn.Module):
    """3×3 convolutions with batch normalisation and ReLU, global average pooling, a linear head."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = architecture.widths
        ins = (architecture.channels, *widths[:-1])
        self.stages = nn.ModuleList(
            _stage(i, o, n) for i, o, n in zip(ins, widths, architecture.convs, strict=True)
        )
        self.head = nn.Linear(widths[-1], architecture.classes)

    def activations(self, x: Tensor) -> list[Tensor]:
        """Images in [0, 1] N×C×S×S → the output of each stage, at full, half, … resolution."""
        outputs = [self.stages[0](2 * x - 1)]
        for stage in self.stages[1:]:
            outputs.append(stage(nn.functional.max_pool2d(outputs[-1], 2)))
        return outputs

    def pooled(self, x: Tensor) -> Tensor:
        """Images in [0, 1] N×C×S×S → features N×widths[-1]."""
        return self.activations(x)[-1].mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Images in [0, 1] N×C×S×S → class logits N×classes."""
        logits: Tensor = self.head(self.pooled(x))
        return logits


def _stage(channels_in: int, channels: int, convs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, o in pairwise([channels_in] + [channels] * convs):
        layers += [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    return nn.Sequential(*layers)


def to_half(net: nn.Module) -> dict[str, Tensor]:
    """The state as it is stored: float16, which halves the file and costs no accuracy."""
    return {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in net.state_dict().items()
    }


def save_classifier(net: ClassifierNet, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write the network to `path` (safetensors, float16) with its architecture and `metadata`."""
    save_half(net, path, {"architecture": asdict(net.architecture), **metadata})


def save_half(net: nn.Module, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write a network to `path` (safetensors, float16) with `metadata`, values that JSON has."""
    # One entry: safetensors writes several in an order that changes from run to run, and the
    # digest of the file is to depend on the training alone.
    make_folder(path)
    write_output(path, serialise(to_half(net), {"harness": json.dumps(metadata, sort_keys=True)}))


def read_metadata(path: Path) -> dict[str, Any]:
    """What `save_half` recorded beside the weights; BadInput where `path` is not such a file."""
    try:
        with safe_open(path, framework="pt") as file:
            record: dict[str, Any] = json.loads(file.metadata()["harness"])
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise BadInput(f"{path} is not a classifier written by this project: {error}") from error
    return record


def load_classifier(path: Path) -> ClassifierNet:
    """The network stored at `path`, float32, in evaluation mode."""
    fields = read_metadata(path)["architecture"]
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return load_half(ClassifierNet(Architecture(**fields)), path)


def load_half(net: Net, path: Path) -> Net:
    """Give `net` the weights stored at `path`, in float32, and return it in evaluation mode."""
    with safe_open(path, framework="pt") as file:
        net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return net.requires_grad_(False).eval()


def accuracy(net: ClassifierNet, images: Tensor, labels: Tensor) -> float:
    """The share of uint8 `images` N×C×S×S that `net` puts in the right class."""
    device = next(net.parameters()).device
    with torch.inference_mode():
        guesses = [
            net(batch.to(device).float() / 255).argmax(dim=1).cpu()
            for batch in torch.split(images, 500)
        ]
    return float((torch.cat(guesses) == labels).double().mean())
