"""Functions of tensors that are recorded once and then replayed: CUDA graphs.

What a graph runs is fixed, and so are the addresses that it reads and writes. A function recorded
here therefore works on buffers of its own; each call copies its inputs into them and replays. It
may change other tensors, always the same ones, and must not wait for the device or draw at random.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor

I = TypeVar("I")  # noqa: E741 - inputs
O = TypeVar("O")  # noqa: E741 - outputs

Record = Callable[[Callable[[], O]], tuple[Callable[[], None], O]]
"""Takes a function without arguments to what does the same again, and the outputs that this
overwrites each time."""

Accelerate = Literal["off", "graph", "compile"]
"""`graph`: steps on CUDA are replayed as CUDA graphs. `compile`: losses are compiled first."""

WARM_UP = 3
"""Runs before a recording, in which libraries choose algorithms and make their workspaces."""


class Replayed(Generic[I, O]):
    """`function`, recorded at the first call, and again for inputs of other shapes.

    Inputs and outputs are tensors in lists, mappings and dataclasses. The outputs are overwritten
    by the next call. Where the function cannot be recorded a warning says so, and from then on it
    is called as it is.
    """

    def __init__(self, function: Callable[[I], O], record: Record[O]) -> None:
        self._function = function
        self._record = record
        self._recordings: dict[tuple[torch.Size, ...], _Recording[O]] = {}
        self.failed = False

    def __call__(self, inputs: I) -> O:
        """What `function` gives for `inputs`."""
        arguments = list(tensors(inputs))
        shapes = tuple(tensor.shape for tensor in arguments)
        if not self.failed and shapes not in self._recordings:
            self._start(shapes, inputs)
        if self.failed:
            return self._function(inputs)
        recording = self._recordings[shapes]
        if arguments:
            torch._foreach_copy_(recording.buffers, arguments)
        recording.replay()
        return recording.outputs

    def _start(self, shapes: tuple[torch.Size, ...], inputs: I) -> None:
        buffers = copy.deepcopy(inputs)
        try:
            replay, outputs = self._record(lambda: self._function(buffers))
        except RuntimeError as error:
            self.failed = True
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"runs without a CUDA graph: {reason}", stacklevel=3)
        else:
            self._recordings[shapes] = _Recording(list(tensors(buffers)), replay, outputs)


@dataclasses.dataclass(frozen=True)
class _Recording(Generic[O]):
    buffers: list[Tensor]
    replay: Callable[[], None]
    outputs: O


def captures(accelerate: Accelerate, device: torch.device) -> bool:
    """Whether steps are replayed as CUDA graphs."""
    return accelerate != "off" and device.type == "cuda"


def cuda_graph(
    run: Callable[[], O], changed: Callable[[], Mapping[str, Tensor]] = dict
) -> tuple[Callable[[], None], O]:
    """`run` as a CUDA graph, rehearsed."""
    main = torch.cuda.current_stream()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def record(run: Callable[[], O]) -> tuple[Callable[[], None], O]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            outputs = run()
        return graph.replay, outputs

    side.wait_stream(main)
    try:
        with torch.cuda.stream(side):
            return rehearsed(run, record, changed)
    finally:
        main.wait_stream(side)


def rehearsed(
    run: Callable[[], O], record: Record[O], changed: Callable[[], Mapping[str, Tensor]] = dict
) -> tuple[Callable[[], None], O]:
    """What `record` makes of `run`, after a warm-up that leaves nothing behind.

    `changed` gives the tensors that `run` changes, by name. In the end they are what they were
    before; those that came into being (an optimiser's moments) are zero.
    """
    before = {name: tensor.clone() for name, tensor in changed().items()}
    try:
        for _ in range(WARM_UP):
            run()
        return record(run)
    finally:
        _put_back(changed(), before)


@torch.no_grad()
def _put_back(changed: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> None:
    """Gives tensors the values they had `before`, and zero to those that were not there."""
    for name, tensor in changed.items():
        if name in before:
            tensor.copy_(before[name])
        else:
            tensor.zero_()


def tensors(value: object) -> Iterator[Tensor]:
    """All tensors in lists, tuples, mappings and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors(part)
    elif dataclasses.is_dataclass(value):
        yield from tensors(vars(value))
