from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import pytest
import torch

from harness.core.errors import BadInput
from harness.families.base import FamilySettings
from harness.training.numerics import Numerics, devices


@pytest.fixture
def flags() -> Iterator[None]:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    benchmark = torch.backends.cudnn.benchmark
    yield
    torch.backends.cudnn.benchmark = benchmark
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = tf32


def test_cpu_is_always_there_and_tf32_is_not_its() -> None:
    numerics = Numerics.resolve("cpu", threads=2)
    assert (numerics.device, numerics.threads, numerics.tf32) == ("cpu", 2, False)
    record = numerics.to_dict()
    assert record["torch_version"] == torch.__version__
    assert (record["precision"], record["optimizer"]) == ("fp32", "fused")
    assert record["name"]
    assert record["device"] == "cpu"


def test_which_of_several_equal_gpus_it_is_is_not_recorded() -> None:
    assert Numerics.resolve("cpu").on("cuda:1").to_dict()["device"] == "cuda"


def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert Numerics.resolve().device == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Numerics.resolve().device == "cuda:0"
    assert Numerics.resolve("cuda").device == "cuda:0"
    assert Numerics.resolve("cuda:1").device == "cuda:1"


def test_a_recipe_has_its_own_precision_and_layout() -> None:
    settings = FamilySettings(precision="bf16", memory_format="channels_last")
    record = Numerics.resolve("cpu").of(settings).to_dict()
    assert (record["precision"], record["memory_format"]) == ("bf16", "channels_last")


def test_graphs_are_for_cuda_and_auto_takes_them_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Numerics.resolve("cpu").accelerate == "off"
    with pytest.warns(UserWarning, match="cpu has no CUDA graphs") as caught:
        assert Numerics.resolve("cpu", accelerate="graph").accelerate == "off"
    assert len(caught) == 1
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert Numerics.resolve("cuda").accelerate == "graph"
    assert Numerics.resolve("cuda", accelerate="off").accelerate == "off"


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler 'no-such-compiler'") as caught:
        assert Numerics.resolve("cpu", accelerate="compile").accelerate == "off"
    assert len(caught) == 1
    with warnings.catch_warnings(action="error"):
        assert Numerics.resolve("cpu", accelerate="off").accelerate == "off"
    monkeypatch.setenv("CXX", sys.executable)
    assert Numerics.resolve("cpu", accelerate="compile").accelerate == "compile"


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


@pytest.mark.usefixtures("flags")
@pytest.mark.parametrize(("device", "tf32"), [("cpu", False), ("cuda:1", True), ("cuda:0", False)])
def test_apply_takes_the_device_its_rounding_and_repeatable_algorithms(
    device: str, tf32: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    current: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = not tf32
    assert Numerics(device, "A chip", 1, tf32, "2").apply() == torch.device(device)
    assert current == [device] * device.startswith("cuda")
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == tf32


def test_tf32_is_what_a_gpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [Numerics.resolve("cuda", tf32=tf32).tf32 for tf32 in (True, False)] == [True, False]
    assert not Numerics.resolve("cpu", tf32=True).tf32


@pytest.mark.parametrize(
    ("device", "threads", "processes", "machine", "alone"),
    [
        ("cpu", 1, 1, "A chip, 1 thread", True),
        ("cpu", 2, 1, "A chip, 2 threads", False),
        ("cpu", 1, 3, "A chip, 1 thread, 3 processes a model", False),
        ("cuda:0", 2, 2, "A chip, 2 processes a model", False),
        ("cuda:0", 1, 1, "A chip", False),
        ("mps", 1, 1, "A chip", False),
    ],
)
def test_the_machine_is_named_with_what_shares_the_work(
    device: str, threads: int, processes: int, machine: str, alone: bool
) -> None:
    numerics = Numerics(device, "A chip", threads, False, "2", processes=processes)
    assert (numerics.machine, numerics.is_one_thread) == (machine, alone)


def test_one_process_trains_a_model_unless_more_are_asked_for() -> None:
    assert Numerics("cpu", "A chip", 1, False, "2") == Numerics(
        "cpu", "A chip", 1, False, "2", "off", "fp32", "contiguous", "fused", 1
    )
