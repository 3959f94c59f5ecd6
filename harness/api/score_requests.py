"""The keywords of `harness.score` as the options of `harness score`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api.options import compute_options, name_list, store_options
from harness.cli.score_options import MetricOptions, ModelOptions, ScoreOptions, SetOptions
from harness.data.imageset import place_of
from harness.scoring.comparing import Place

IN_MEMORY = "list of texts"
"""Stands for the file's name where captions are in memory."""


def score_options(
    samples: Sequence[str], reference: Place | None, train: Place | None, values: Mapping[str, Any]
) -> ScoreOptions:
    """The options of a call whose samples have these names."""
    captions, name, resize = (values.get(key) for key in ("captions", "name", "resize"))
    file = captions if isinstance(captions, str | Path) else IN_MEMORY
    return ScoreOptions(
        list(samples),
        SetOptions(
            None if reference is None else place_of(reference),
            None if train is None else place_of(train),
            bool(values.get("pairs")),
            bool(values.get("draws")),
            None if captions is None else Path(file),
            [name] if name else None,
            None if resize is None else str(resize),
        ),
        _metric_options(values),
        _model_options(values),
        compute=compute_options(values),
        results=store_options(values),
    )


def _metric_options(values: Mapping[str, Any]) -> MetricOptions:
    names = ("extractor", "perceptual", "text", "profile", "y_channel", "kid_subset_size")
    chosen = {name: values[name] for name in names if values.get(name) is not None}
    return MetricOptions(
        name_list(values.get("metrics")), crop_border=values.get("crop_border") or 0, **chosen
    )


def _model_options(values: Mapping[str, Any]) -> ModelOptions:
    """The shell's options for models, without the value range, which images in memory have too."""
    settings = model_settings(values)
    latent = "x".join(map(str, settings.get("latent", ())))
    names = ("latent_distribution", "images_at_once", "trust_remote_code")
    return ModelOptions(
        values.get("n") or 0,
        values.get("seed"),
        values.get("classes") or 0,
        latent=latent or None,
        argument=[f"{name}={value}" for name, value in settings.get("arguments", {}).items()]
        or None,
        **{name: settings[name] for name in names if name in settings},
    )


def model_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a model that a call names, as a recipe has them."""
    names = (
        "value_range", "latent", "latent_distribution", "images_at_once", "arguments",
        "trust_remote_code",
    )  # fmt: skip
    settings = {name: values[name] for name in names if values.get(name) is not None}
    if isinstance(settings.get("latent"), int):
        settings["latent"] = (settings["latent"],)
    return settings
