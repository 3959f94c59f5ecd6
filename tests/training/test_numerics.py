from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from harness.spec.errors import BadInput
from harness.training.numerics import Numerics, devices


@pytest.fixture
def flags() -> Iterator[None]:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = tf32


def test_cpu_is_always_there_and_tf32_is_not_its() -> None:
    numerics = Numerics.resolve("cpu", threads=2)
    assert (numerics.device, numerics.threads, numerics.tf32) == ("cpu", 2, False)
    record = numerics.to_dict()
    assert record["torch_version"] == torch.__version__
    assert record["dtype"] == "float32"
    assert record["name"]


def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert Numerics.resolve().device == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Numerics.resolve().device == "cuda:0"
    assert Numerics.resolve("cuda").device == "cuda:0"
    assert Numerics.resolve("cuda:1").device == "cuda:1"


@pytest.mark.parametrize("device", ["cuda:9", "tpu", ""])
def test_no_such_device_says_what_there_is(device: str) -> None:
    with pytest.raises(BadInput, match=rf"no device '{device}' .*cpu") as caught:
        Numerics.resolve(device)
    assert all(name in str(caught.value) for name in devices())


@pytest.mark.usefixtures("flags")
def test_apply_sets_the_process_up() -> None:
    assert Numerics.resolve("cpu", threads=1).apply() == torch.device("cpu")
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
