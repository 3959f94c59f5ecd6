"""A quickstart that never ran: four models on two datasets, three seeds, plausible numbers."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from harness.claims.verdicts import decide
from harness.config.claim_shapes import make_claim
from harness.core.measurement import CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.data.base import DatasetCard
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Estimate, Metric
from harness.report import DatasetInfo, ModelInfo, ReportPicture, Results, StoreInfo
from harness.report.results import AskedClaim

MODELS = ("autoencoder/conv", "vae/vae", "gan/dcgan", "diffusion/ddpm")
DATASETS = ("digits", "digits[unseen=8]")
EXTRACTOR = "classifier:digits@6726825d"


def _metric(name: str, better: str, title: str, **more: Any) -> Metric:
    return Metric(name, lambda: Estimate(0.0), better, title, "", **more)  # type: ignore[arg-type]


METRICS = {
    metric.name: metric
    for metric in (
        _metric("mse", "lower", "Mean squared error", scale="log", digits=5),
        _metric("psnr", "higher", "Peak signal-to-noise ratio", unit="dB", digits=2),
        _metric("ssim", "higher", "Structural similarity"),
        _metric("lpips", "lower", "Perceptual distance", scale="log"),
        _metric("fid", "lower", "Fréchet distance", scale="log", digits=2),
        _metric("kid", "lower", "Kernel distance", scale="log"),
        _metric("is", "higher", "Inception score"),
        _metric("precision", "higher", "Precision"),
        _metric("recall", "higher", "Recall"),
        _metric("density", "higher", "Density"),
        _metric("coverage", "higher", "Coverage"),
        _metric("clip_score", "higher", "CLIP score"),
        _metric("auroc", "higher", "Area under the ROC curve"),
        _metric("aupr", "higher", "Average precision"),
        _metric("sampling_throughput", "higher", "Sampling throughput", scale="log",
                unit="images/s", digits=1),
        _metric("training_time", "lower", "Training time", scale="log", unit="s", digits=1),
        _metric("parameters", "lower", "Parameters", scale="log", digits=0),
        _metric("peak_memory", "lower", "Peak memory", scale="log", unit="MiB", digits=1),
    )
}  # fmt: skip

RECONSTRUCTION = {
    "mse": (0.0082, 0.0135), "psnr": (20.9, 18.7), "ssim": (0.93, 0.86), "lpips": (0.021, 0.058),
    "auroc": (0.91, 0.84), "aupr": (0.62, 0.47),
}  # fmt: skip
SAMPLING = {
    "fid": (61.0, 24.0, 9.5), "kid": (0.31, 0.09, 0.021), "is": (7.1, 8.2, 9.2),
    "precision": (0.61, 0.83, 0.86), "recall": (0.42, 0.55, 0.78), "density": (0.55, 0.81, 0.93),
    "coverage": (0.48, 0.69, 0.91), "sampling_throughput": (41000.0, 30500.0, 210.0),
}  # fmt: skip
COSTS = {
    "training_time": (8.1, 8.6, 17.9, 41.3), "parameters": (112_017, 120_241, 371_906, 412_545),
    "peak_memory": (312.0, 318.0, 402.0, 731.0),
}  # fmt: skip


def _level(name: str, model: str) -> float | None:
    """The typical value of a metric, None where it does not apply to the model."""
    if name in COSTS:
        return COSTS[name][MODELS.index(model)]
    if name in RECONSTRUCTION and model in MODELS[:2]:
        return RECONSTRUCTION[name][MODELS.index(model)]
    if name in SAMPLING and model in MODELS[1:]:
        return SAMPLING[name][MODELS.index(model) - 1]
    return None


def _reason(name: str, model: str, dataset: str) -> str:
    if name == "clip_score":
        return f"{dataset} has no texts to compare images with"
    if name in ("auroc", "aupr") and "unseen" not in dataset:
        return f"{dataset} holds no unseen class"
    wanted = "sample" if name in SAMPLING else "reconstruct"
    return f"{model} cannot {wanted}"


def _protocol(name: str, dataset: str) -> Protocol:
    if name in SAMPLING and name != "sampling_throughput":
        settings = {"k": 3} if name in ("precision", "recall", "density", "coverage") else {}
        return Protocol(name, dataset=dataset, extractor=EXTRACTOR, preprocessing="none",
                        quantisation="u8", samples=360, reference=360, split="test",
                        settings=dict(settings))  # fmt: skip
    return Protocol(name, dataset=dataset, quantisation="u8", split="test")


def _measurement(name: str, cell: tuple[str, str, int]) -> Measurement:
    dataset, model, seed = cell
    protocol = _protocol(name, dataset)
    level = _level(name, model)
    if name in ("auroc", "aupr") and "unseen" not in dataset:
        level = None
    if level is None:
        reason = _reason(name, model, dataset)
        return Measurement(name, "not applicable", protocol, "", reason=reason)
    if name == "parameters":
        return Measurement(name, "ok", protocol, "", value=level)
    key = [len(dataset), MODELS.index(model), seed, len(name), ord(name[0])]
    noise = np.random.default_rng(key)
    value = level * math.exp(0.03 * noise.normal())
    return Measurement(name, "ok", protocol, "", value=value, stderr=value / 50, over="images")


def _without_number(m: Measurement) -> Measurement:
    if m.status == "not applicable":
        return m
    return replace(m, status="diverged", value=None, stderr=None, over=None, reason=DIVERGED)


DIVERGED = "gan/dcgan diverged at step 1,912: the critic's loss became NaN"


def _cells(diverged: bool) -> list[CellResult]:
    cells = []
    for dataset in DATASETS:
        for model in MODELS:
            for seed in range(3):
                lost = diverged and (dataset, model, seed) == ("digits", "gan/dcgan", 1)
                measured = tuple(_measurement(n, (dataset, model, seed)) for n in METRICS)
                run = f"{MODELS.index(model)}{seed}{DATASETS.index(dataset)}f3a9c1d2e4b5a697"
                status, reason = ("diverged", DIVERGED) if lost else ("ok", "")
                if lost:
                    measured = tuple(_without_number(m) for m in measured)
                cells.append(
                    CellResult(dataset, model, seed, f"key{run}", status, run, reason, measured)  # type: ignore[arg-type]
                )
    return cells


CLAIMS = [
    make_claim(id="diversity", statement="Diffusion beats GANs on diversity.",
          source="Dhariwal & Nichol 2021, arXiv:2105.05233", metric=["recall", "coverage"],
          model="diffusion/ddpm", against="gan/dcgan"),
    make_claim(id="speed", statement="GANs sample at least ten times faster than diffusion models.",
          metric="sampling_throughput", model="gan/dcgan", against="diffusion/ddpm", delta=9.0),
    make_claim(id="reconstruction", statement="The autoencoder reconstructs better than the VAE.",
          metric=["mse", "lpips"], model="autoencoder/conv", against="vae/vae"),
    make_claim(id="anomaly", metric="auroc", model=["autoencoder/conv", "vae/vae"], above=0.82,
          statement="A high reconstruction error flags a digit never seen in training."),
    make_claim(id="precision", statement="The GAN’s samples are more faithful than the DDPM’s.",
          metric="precision", model="gan/dcgan", against="diffusion/ddpm"),
    make_claim(id="cheap", statement="The DDPM has fewer parameters than the GAN.",
          metric="parameters", model="diffusion/ddpm", against="gan/dcgan"),
    make_claim(id="as-dear", shape="equivalence", metric="training_time", model="vae/vae",
               against="autoencoder/conv", delta=0.2, why="A fifth of the time is small change.",
               statement="A VAE takes as long to train as an autoencoder."),
    make_claim(id="order", shape="ordering", metric="fid", models=list(MODELS[:0:-1]),
               statement="The diffusion model samples best, then the GAN, then the VAE.",
               source="An order of families"),
    make_claim(id="price", shape="trade-off", model="diffusion/ddpm", against="gan/dcgan",
               better=["fid", "recall"], worse="sampling_throughput",
               statement="Diffusion buys quality with time."),
    make_claim(id="agree", shape="correlation", metric=["training_time", "peak_memory"],
               models=list(MODELS), above=0.2, datasets=["digits"],
               statement="What takes time takes memory."),
    make_claim(id="steady", shape="spread", metric="fid", model="diffusion/ddpm",
               against="gan/dcgan", statement="Diffusion varies less from seed to seed."),
]  # fmt: skip


def _curves() -> pd.DataFrame:
    rows = []
    losses = {"gan/dcgan": ("generator", "critic"), "vae/vae": ("loss", "kl")}
    for dataset in DATASETS:
        for model in MODELS:
            for seed in range(3):
                noise = np.random.default_rng([seed, len(model)])
                for k, name in enumerate(losses.get(model, ("loss",))):
                    for step in range(1, 61):
                        value = (1 + k) * (0.1 + math.exp(-step / 8)) * (1 + 0.05 * noise.normal())
                        rows.append((dataset, model, seed, step * 1280, name, value))
    columns = ["dataset", "model", "seed", "images", "name", "value"]
    return pd.DataFrame(rows, columns=columns)


def _picture(dataset: str, model: str, seed: int, kind: str) -> ReportPicture:
    noise = np.random.default_rng([seed, len(model), len(kind)])
    grid = np.kron(noise.integers(0, 255, (64, 64)), np.ones((2, 2)))
    buffer = io.BytesIO()
    Image.fromarray(grid.astype(np.uint8)).save(buffer, "PNG")
    alt = f"64 {kind} of {model} on {dataset}, seed {seed}"
    return ReportPicture(dataset, model, seed, kind, buffer.getvalue(), alt)  # type: ignore[arg-type]


def _pictures() -> list[ReportPicture]:
    made = [("samples", model) for model in MODELS[1:]]
    made += [("reconstructions", model) for model in MODELS[:2]]
    return [
        _picture(dataset, model, seed, kind)
        for dataset in DATASETS
        for kind, model in made
        for seed in (0, 1)
    ]


CARD = DatasetCard(
    "Optical recognition of handwritten digits, bilinear to 16×16", "CC BY 4.0",
    "Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49",
    tuple("0123456789"), "classifier:digits", "classifier:digits",
)  # fmt: skip

RECIPE = "family: {}\nbatch_size: 64\noptimizer: {{lr: 1.0e-3}}\n"
SUITE = "title: Quickstart\nseeds: [0, 1, 2]\nbudget: {images: 76_800}\ndatasets:\n  - digits\n"


def synthetic(diverged: bool = False, **changes: Any) -> Results:
    """The results; with `diverged`, one GAN cell that did not train to its end."""
    cells = _cells(diverged)
    table = tidy(cells)
    plain: dict[str, Any] = {
        "title": "Quickstart: four families on handwritten digits",
        "description": "What an autoencoder, a VAE, a GAN and a diffusion model learn from 1,437 "
                       "small images of digits, each within the same budget.",
        "suite_name": "quickstart", "suite_yaml": SUITE, "cells": cells, "table": table,
        "claims": [AskedClaim(claim, DATASETS) for claim in CLAIMS], "seeds": 3,
        "metrics": METRICS, "verdicts": decide(CLAIMS, table, METRICS, 3, DATASETS),
        "boards": boards(table, METRICS), "curves": _curves(), "pictures": _pictures(),
        "datasets": [
            DatasetInfo(name, "9f2c" * 16, train, 360, "16×16, grey", CARD)
            for name, train in zip(DATASETS, (1437, 1294), strict=True)
        ],
        "models": [
            ModelInfo(name, RECIPE.format(name.split("/")[0]), 76_800,
                       int(COSTS["parameters"][i]), COSTS["training_time"][i])
            for i, name in enumerate(MODELS)
        ],
        "environment": {
            "device": "cpu (2 threads)", "python": "3.12.7", "torch": "2.11.0",
            "commit": "1a2b3c4d (clean)", "platform": "Linux x86_64",
        },
        "store": StoreInfo("sqlite:///runs/mlflow.db",
                       "mlflow ui --backend-store-uri sqlite:///runs/mlflow.db"),
        "command": "harness run quickstart", "generated_at": "2026-01-02 03:04 UTC",
    }  # fmt: skip
    return Results(**{**plain, **changes})
