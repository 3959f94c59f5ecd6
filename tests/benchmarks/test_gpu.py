"""The benchmark for GPUs, on a CPU with tiny sizes, so that it runs where there is a GPU."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness.data import load_dataset

FOLDER = Path(__file__).parent.parent.parent / "benchmarks"


def as_it_is(loss: Callable[..., object], **_: object) -> Callable[..., object]:
    return loss


@pytest.mark.slow
def test_all_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(torch, "compile", as_it_is)  # compiling on a CPU takes a minute
    import gpu  # noqa: PLC0415
    from on_gpu.bench import Bench  # noqa: PLC0415

    tiny = Bench(
        torch.device("cpu"), load_dataset("digits"), few=1, more=2, repeats=1, workers=0,
        seeds=(2,), images=2, sampling_steps=20, matrix=64, megabytes=1, features=(40, 8),
    )  # fmt: skip
    gpu.measured(
        gpu.parts(tiny, ["gan/mlp", "gan/dcgan"]),
        lambda tables: gpu.write(tables, {"device": "a GPU"}, tmp_path),
    )
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["environment"] == {"device": "a GPU"}
    tables = found["tables"]
    assert {row["model"] for row in tables["Training"]} == {"gan/mlp", "gan/dcgan"}
    assert len(tables["Training"]) == 2 * 8
    for row in tables["Training"]:
        assert row["ms a step"] > 0
        assert row["share of arithmetic"] > 0
        assert row["share of memory bandwidth"] > 0
    for row in tables["DDIM"]:
        assert row["differs by (mean)"] < 0.05
    for row in tables["Metrics"]:
        assert row["relative difference"] == 0
    assert [row["seeds at once"] for row in tables["Seeds at once"]] == [1, 2, 1, 2]
    text = (tmp_path / "gpu.md").read_text()
    assert "- device: a GPU" in text
    assert all(f"## {title}" in text for title in tables)


def test_a_step_costs_what_its_products_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The discriminator's update is G forward, D on both, and D's gradients; then G's."""
    monkeypatch.syspath_prepend(FOLDER)
    from on_gpu.bench import Bench  # noqa: PLC0415
    from on_gpu.ceilings import cost_of_a_step  # noqa: PLC0415

    bench = Bench(torch.device("cpu"), load_dataset("digits"))
    cost = cost_of_a_step(bench, "gan/mlp")
    pixels, width, latent, batch = 256, 128, 2, 256
    generator = latent * width + width**2 + width * pixels
    discriminator = pixels * width + width**2 + width
    weights_d, inputs_d = discriminator, discriminator - pixels * width
    first = generator + 2 * (discriminator + weights_d + inputs_d)
    second = generator + discriminator + discriminator + generator + generator - latent * width
    assert cost.operations == 2 * batch * (first + second)
    parameters = generator + discriminator
    assert cost.traffic > 4 * 4 * parameters


def test_without_a_gpu_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    import gpu  # noqa: PLC0415

    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 69
    assert capsys.readouterr().err == "no GPU here: nothing is measured\n"


def test_what_is_done_is_kept_and_what_finds_no_time_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    import gpu  # noqa: PLC0415

    kept: list[dict[str, int]] = []
    left = iter([True, True, False])
    row = {"result": "ok"}
    tables = gpu.measured(
        [("Correctness", lambda: [row, {"result": "wrong"}]), ("A", lambda: [row]), ("A", list)],
        lambda tables: kept.append({title: len(rows) for title, rows in tables.items()}),
        lambda: next(left),
    )
    assert kept[:2] == [{"Correctness": 2}, {"Correctness": 2, "A": 1}]
    assert tables["Left out"] == [{"for lack of time": "A"}]
    assert gpu.wrong(tables) == [{"result": "wrong"}]
