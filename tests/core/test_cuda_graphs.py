from __future__ import annotations

import warnings

import pytest
import torch
from recording import by_hand
from torch import Tensor

from harness.core.cuda_graphs import Replayed, rehearsed, tensors


def test_a_replay_works_on_buffers_of_its_own() -> None:
    seen: list[int] = []

    def double(inputs: list[Tensor]) -> Tensor:
        seen.append(inputs[0].data_ptr())
        return 2 * inputs[0]

    replayed = Replayed(double, by_hand)
    given = [torch.full((3,), float(i)) for i in range(4)]
    for i, tensor in enumerate(given):
        assert replayed([tensor]).tolist() == [2.0 * i] * 3
        assert tensor.tolist() == [float(i)] * 3
    assert len({*seen}) == 1
    assert seen[0] not in {tensor.data_ptr() for tensor in given}


def test_each_shape_is_recorded_once() -> None:
    recorded: list[int] = []

    def record(run):  # type: ignore[no-untyped-def]
        recorded.append(1)
        return by_hand(run)

    replayed = Replayed(lambda x: x + 1, record)
    for size in (2, 3, 2, 3):
        assert replayed(torch.zeros(size)).tolist() == [1.0] * size
    assert len(recorded) == 2


def test_what_cannot_be_recorded_runs_as_it_is_with_one_warning() -> None:
    def refuse(run):  # type: ignore[no-untyped-def]
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    replayed = Replayed(lambda x: x + 1, refuse)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [replayed(torch.tensor(i)).item() for i in range(3)] == [1, 2, 3]
    assert [str(warning.message) for warning in caught] == [
        "runs without a CUDA graph: operation not permitted when stream is capturing"
    ]


def test_a_rehearsal_leaves_nothing_behind_even_where_it_fails() -> None:
    state = {"count": torch.tensor(5.0)}

    def run() -> None:
        state["count"] += 1
        state.setdefault("moment", torch.tensor(0.0)).add_(1)

    def fail(run):  # type: ignore[no-untyped-def]
        run()
        raise RuntimeError

    rehearsed(run, by_hand, lambda: state)
    assert {name: value.item() for name, value in state.items()} == {"count": 5, "moment": 0}
    with pytest.raises(RuntimeError):
        rehearsed(run, fail, lambda: state)
    assert {name: value.item() for name, value in state.items()} == {"count": 5, "moment": 0}


def test_tensors_are_found_in_order() -> None:
    a, b, c = (torch.tensor(i) for i in range(3))
    assert [t.item() for t in tensors([{"a": a, "n": None}, (b, [1.5, c])])] == [0, 1, 2]
