"""Images by training step, as MLflow's pages show them: by the names of their files."""

from __future__ import annotations

import io
import re
import uuid

from PIL import Image

FOLDER = "images"
"""The folder of a run's artifacts that MLflow looks through."""
SHOWN = {"mlflow.loggedImages": "True"}
"""The tag of a run that has such images."""
SIDE = 256
"""Pixels of the longer side of the small copy that pages show first, as MLflow makes it."""


def image_files(run_id: str, key: str, step: int, png: bytes) -> dict[str, bytes]:
    """The two files that `MlflowClient.log_image` would make of a PNG image, by name: the image,
    and a small copy as WebP. Their names follow from run, key and step, so that a write that is
    repeated replaces the first.
    """
    name = re.sub(r"[^\w\-. ]", "-", key)
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}/{name}/{step}")
    # MLflow's pages read key, step, time and identity between these signs; the time is unused.
    stem = f"{name}+step+{step}+timestamp+{step}+{unique}"
    small = Image.open(io.BytesIO(png)).convert("RGB")
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP")
    return {f"{stem}.png": png, f"{stem}+compressed.webp": buffer.getvalue()}
