"""Steps that are replayed give what steps give that are not.

Where there is no GPU a stand-in replays them by hand, so that all but the capture itself is tested.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recording import replay_by_hand
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Samples
from harness.samplers.settings import SAMPLERS
from harness.training.checkpoint import Checkpoints
from harness.training.init import initialise
from harness.training.loop import Progress, TrainingResult, train

CPU = torch.device("cpu")
SMALL: dict[str, dict[str, Any]] = {
    "autoencoder": {"width": 4, "latent": 8},
    "vae": {"network": "mlp", "width": 8, "depth": 1, "latent": 2},
    "gan": {"width": 4, "latent": 8, "ema": 0.9},
    "diffusion": {"width": 1, "ema": 0.9, "sampling": {"steps": 3, "eta": 0.5}},
}


class Waves:
    """Batches that are the same on every device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def batch(self, index: int) -> Batch:
        phase = index + torch.arange(8.0)[:, None, None, None]
        x = (phase + torch.linspace(0, 6, 64).view(1, 1, 8, 8)).sin()
        return Batch(x.to(self.device), torch.arange(8, device=self.device) % 2)


def untrained(name: str, **settings: Any) -> Family:
    chosen = {"batch_size": 8, **SMALL[name], **settings}
    return initialise(lambda: build_family(name, chosen, ImageShape(1, 8)), 0)


def trained(
    name: str, device: torch.device = CPU, settings: dict[str, Any] | None = None, **options: Any
) -> tuple[Family, TrainingResult]:
    family = untrained(name, **settings or {})
    return family, train(family, Waves(device), 96, 0, device=device, **options)


def same(a: Family, b: Family) -> bool:
    mine, theirs = a.networks.state_dict(), b.networks.state_dict()
    return all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.fixture
def replaying(monkeypatch: pytest.MonkeyPatch) -> None:
    replay_by_hand(monkeypatch)


def interrupted(progress: Progress) -> None:
    if progress.step == 5:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("replaying")
@pytest.mark.parametrize("name", SMALL)
def test_replayed_steps_are_the_plain_ones_to_the_bit(name: str, tmp_path: Path) -> None:
    plain, result = trained(name)
    replayed, same_result = trained(name, accelerate="graph")
    assert same(plain, replayed)
    assert same_result.curve == result.curve
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(name, accelerate="graph", checkpoints=checkpoints, report=interrupted)
    resumed, rest = trained(name, accelerate="graph", checkpoints=checkpoints)
    assert same(plain, resumed)
    assert rest.curve == result.curve


@pytest.mark.usefixtures("replaying")
@pytest.mark.parametrize("kind", SAMPLERS)
def test_replayed_sampling_is_the_plain_one_to_the_bit(kind: str) -> None:
    if kind == "unipc":
        pytest.importorskip("diffusers")
    family = untrained("diffusion", sampling={"kind": kind, "steps": 3})
    nn.init.normal_(family.networks["denoiser"].last[-1].weight)
    family.networks.eval()
    assert isinstance(family, Samples)

    def drawn() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        return [family.sample(n, generator) for n in (4, 2, 4)]

    plain = drawn()
    family.accelerate = "graph"
    replayed = drawn()
    assert all(torch.equal(a, b) for a, b in zip(plain, replayed, strict=True))
    assert not torch.equal(replayed[0], replayed[2])
    family.networks.load_state_dict(untrained("diffusion").networks.state_dict())
    assert not torch.equal(drawn()[0], plain[0])


def test_what_cannot_be_captured_trains_all_the_same(
    replaying: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: Callable[[], object], changed: object) -> None:
        raise RuntimeError("not permitted")

    monkeypatch.setattr("harness.training.step.cuda_graph", refuse)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        family, _ = trained("gan", accelerate="graph")
    assert [str(warning.message) for warning in caught] == [
        "runs without a CUDA graph: not permitted"
    ]
    assert same(family, trained("gan")[0])


@pytest.mark.gpu
@pytest.mark.parametrize("name", SMALL)
def test_on_cuda_a_graph_trains_as_steps_do(name: str, tmp_path: Path) -> None:
    cuda = torch.device("cuda")
    eager, result = trained(name, cuda)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fall-back would be no test
        graphed, replayed = trained(name, cuda, accelerate="graph")
    for key, tensor in eager.networks.state_dict().items():
        torch.testing.assert_close(graphed.networks.state_dict()[key], tensor, rtol=1e-3, atol=1e-5)
    for point, other in zip(result.curve, replayed.curve, strict=True):
        assert other.losses == pytest.approx(point.losses, rel=1e-3)
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(name, cuda, accelerate="graph", checkpoints=checkpoints, report=interrupted)
    resumed, rest = trained(name, cuda, accelerate="graph", checkpoints=checkpoints)
    assert same(graphed, resumed)
    assert rest.curve == replayed.curve


@pytest.mark.gpu
def test_on_cuda_a_graph_samples_as_steps_do() -> None:
    family, _ = trained("diffusion", torch.device("cuda"))
    assert isinstance(family, Samples)

    def drawn() -> Tensor:
        return family.sample(16, torch.Generator("cuda").manual_seed(0))

    eager = drawn()
    family.accelerate = "graph"
    torch.testing.assert_close(drawn(), eager, rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("accelerate", ["off", "graph"])
@pytest.mark.parametrize("name", SMALL)
def test_on_cuda_no_step_waits_for_the_device(name: str, accelerate: str) -> None:
    """But for the first, which is captured, and those after which losses are read: of 2000 each
    twentieth.
    """

    class Watched(Waves):
        def __init__(self, device: torch.device) -> None:
            super().__init__(device)
            self.ready = [super(Watched, self).batch(index) for index in range(3)]

        def batch(self, index: int) -> Batch:
            may_wait = index % 20 in (0, 19)
            torch.cuda.set_sync_debug_mode("default" if may_wait else "error")
            return self.ready[index % 3]

    family, cuda = untrained(name), torch.device("cuda")
    try:
        train(family, Watched(cuda), 2000 * 8, 0, device=cuda, accelerate=accelerate)
    finally:
        torch.cuda.set_sync_debug_mode("default")
