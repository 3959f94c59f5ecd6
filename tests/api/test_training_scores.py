"""Scores within a training: a loop of one's own, and Lightning."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import harness
from harness.data import load_dataset

HOW: dict[str, Any] = {
    "reference": "digits:test", "metrics": "fid", "extractor": "classifier:digits", "n": 60,
    "device": "cpu",
}  # fmt: skip


class Generator(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(0)
        layers = nn.Linear(8, 256), nn.BatchNorm1d(256), nn.Dropout(0.2), nn.Tanh()
        super().__init__(*layers, nn.Unflatten(1, (1, 16, 16)))


def train(generator: nn.Module, scores: harness.TrainingScores | None) -> list[float]:
    """Losses of six steps, scored in between."""
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    losses = []
    for step in range(1, 7):
        loss = (generator(torch.randn(16, 8)) - 0.5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if scores:
            scores(step, generator)
    return losses


def test_a_training_takes_the_same_course_with_scores_and_without():
    logged: list[tuple[int, dict[str, float]]] = []
    scores = harness.TrainingScores(
        3, log=lambda numbers, step: logged.append((step, numbers)), latent=8, **HOW
    )
    scored, plain = Generator(), Generator()
    assert train(scored, scores) == train(plain, None)
    for name, value in plain.state_dict().items():
        assert torch.equal(scored.state_dict()[name], value), name
    assert [step for step, _ in scores.history] == [3, 6]
    assert logged == [(step, result.numbers) for step, result in scores.history]
    last = harness.score(scored, latent=8, **HOW)
    assert scores.history[-1][1]["fid"] == last["fid"]
    frame = scores.to_frame()
    assert frame.columns[:3].tolist() == ["step", "metric", "value"]
    assert frame.value.tolist() == [numbers["fid"] for _, numbers in logged]


def test_a_reference_in_memory_is_that_of_its_place(tmp_path):
    test = load_dataset("digits").test.images
    np.savez(tmp_path / "test.npz", test.movedim(1, -1).numpy())
    numbers = {
        harness.TrainingScores(1, latent=8, **HOW | {"reference": reference})(1, Generator())["fid"]
        for reference in (test, test.movedim(1, -1).numpy(), tmp_path / "test.npz")
    }
    assert len(numbers) == 1


def test_a_step_that_is_not_measured_gives_nothing():
    scores = harness.TrainingScores(5, latent=8, **HOW)
    assert scores(4, Generator()) is None
    assert scores.to_frame().empty


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"every": 0}, "every=0"),
        ({"metrics": "fdi"}, "unknown metric 'fdi'"),
        ({"reference": "digits:tset"}, "no such split; did you mean 'test'"),
        ({"latents": 8}, "TrainingScores: there is no keyword 'latents'; did you mean 'latent'"),
    ],
)
def test_wrong_settings_end_it_before_the_training(keywords, message):
    with pytest.raises(harness.BadInput, match=message):
        harness.TrainingScores(**{"every": 1, **HOW, **keywords})


# -- Lightning --------------------------------------------------------------------------------


class Callback:
    """In place of Lightning's."""


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning as far as a callback sees it."""
    package, pytorch = ModuleType("lightning"), ModuleType("lightning.pytorch")
    pytorch.callbacks = SimpleNamespace(Callback=Callback)  # type: ignore[attr-defined]
    package.__spec__ = SimpleNamespace(name="lightning")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "lightning", package)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", pytorch)


class Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ema = Generator()
        self.logged: list[dict[str, float]] = []

    def log_dict(self, numbers: dict[str, float], on_step: bool, on_epoch: bool) -> None:
        assert (on_step, on_epoch) == (False, True)
        self.logged.append(numbers)


@pytest.mark.usefixtures("lightning")
def test_the_callback_logs_as_the_module_does():
    callback = harness.lightning_callback(
        every_n_epochs=2, model=lambda module: module.ema, latent=8, **HOW
    )
    assert isinstance(callback, Callback)
    module, sent = Module(), []

    def broadcast(numbers: dict[str, float]) -> dict[str, float]:
        sent.append(numbers)
        return numbers or {"fid": -1.0}

    for epoch, is_first in ((0, True), (1, True), (2, True), (3, False)):
        strategy = SimpleNamespace(broadcast=broadcast)
        trainer = SimpleNamespace(
            current_epoch=epoch, global_step=10 * epoch, is_global_zero=is_first, strategy=strategy
        )
        callback.on_train_epoch_end(trainer, module)
    (step, result), *others = callback.scores.history
    assert (step, others) == (10, [])
    assert module.logged == [result.numbers, {"fid": -1.0}], "another process logs what is sent"
    assert sent == [result.numbers, {}]


def test_without_lightning_there_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(harness.BadInput, match=r"pip install 'harness\[lightning\]'"):
        harness.lightning_callback(latent=8, **HOW)


def test_a_trainer_of_lightning_calls_it():
    lightning = pytest.importorskip("lightning.pytorch")

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = Generator()

        def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
            return self.layers(torch.randn(n, 8, generator=generator, device=self.device))

        def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
            return self.layers(batch).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters())

    callback = harness.lightning_callback(every_n_epochs=1, **HOW)
    kept = lightning.callbacks.ModelCheckpoint(dirpath="kept", monitor="fid")
    trainer = lightning.Trainer(
        max_epochs=2, callbacks=[callback, kept], accelerator="cpu", logger=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Model(), torch.utils.data.DataLoader(torch.randn(8, 8), batch_size=4))
    assert [step for step, _ in callback.scores.history] == [2, 4]
    values = [result["fid"] for _, result in callback.scores.history]
    assert float(kept.best_model_score) == pytest.approx(min(values), rel=1e-6)
