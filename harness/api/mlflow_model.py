"""The model of a finished run as `mlflow.pyfunc.load_model` gives it: MLflow's list of models and
its registry have it by name and version.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.api.loaded_model import LoadedModel, load_model
from harness.families.pretrained.source import RUN
from harness.tracking.logged_models import current_uri, source_run


class PyfuncModel:
    """What MLflow calls `predict` of. `model` is the harness's own, with all that it can do."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    def predict(self, model_input: Any) -> np.ndarray:
        """Images n×C×H×W, float32 in [-1, 1]: samples where `model_input` has arguments of
        `LoadedModel.sample` by name, and reconstructions where it is images (uint8, or float in
        [-1, 1]). Raises BadInput for what the model cannot do.
        """
        if isinstance(model_input, Mapping):
            return self.model.sample(**model_input).cpu().numpy()
        return self.model.reconstruct(model_input).cpu().numpy()


def _load_pyfunc(path: str) -> PyfuncModel:
    """What MLflow calls with the folder of the model's artifacts. The weights are an artifact of
    the run that trained it, in the tracking store in use.
    """
    return PyfuncModel(load_model(RUN + source_run(Path(path)), tracking_uri=current_uri()))
