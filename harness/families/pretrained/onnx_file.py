"""Generators in ONNX files, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.optional_packages import load_optional
from harness.families.pretrained.generator import failing
from harness.families.pretrained.latents import LatentGenerator, NetworkInputs

FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class ONNXGenerator(LatentGenerator):
    """An ONNX graph whose first input is latents in float, and whose second, if any, is labels in
    int64 or int32. Its first output is images.
    """

    def read_inputs(self) -> NetworkInputs:
        """The shapes and types of the graph's inputs."""
        self._session = self._open("CPUExecutionProvider")
        inputs = self._session.get_inputs()
        kinds = [each.type for each in inputs]
        if not (
            len(inputs) in (1, 2)
            and kinds[0] in FLOATS
            and all(kind in INTEGERS for kind in kinds[1:])
            and len(inputs[0].shape) >= 2
        ):
            listed = ", ".join(f"{each.name} {each.type}" for each in inputs) or "nothing"
            raise BadInput(
                f"{self.name}: the graph takes {listed}; latents n×… in float, and perhaps labels "
                "n in int64, are needed"
            )
        count, *latent = inputs[0].shape
        shape = tuple(latent) if all(isinstance(side, int) for side in latent) else ()
        return NetworkInputs(shape, len(inputs) == 2, count if isinstance(count, int) else 0)

    def content(self) -> Mapping[str, str]:
        """The SHA-256 of the file, and of the files of weights beside it that have its name."""
        beside = sorted(self.path.parent.glob(f"{self.path.name}?*"))
        digests = {f"file {n}": file_sha256(path) for n, path in enumerate(beside, 1)}
        return {**super().content(), **digests, "onnxruntime": version("onnxruntime")}

    def load(self, device: torch.device) -> None:
        """Opens the graph on a CUDA device, where onnxruntime can; else it stays on the CPU."""
        runtime = load_optional("onnxruntime", "onnx", self.name)
        if device.type == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers():
            self._session = self._open("CUDAExecutionProvider")

    def run(self, latents: Tensor, labels: Tensor | None) -> object:
        """The first output, an array."""
        arrays = [x.cpu().numpy() for x in (latents, labels) if x is not None]
        kinds = {**FLOATS, **INTEGERS}
        feeds = {
            each.name: array.astype(kinds[each.type])
            for each, array in zip(self._session.get_inputs(), arrays, strict=True)
        }
        first: object = self._session.run(None, feeds)[0]
        return first

    def _open(self, provider: str) -> Any:
        runtime = load_optional("onnxruntime", "onnx", self.name)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4
        with failing(f"{self.name} cannot be read as ONNX:"):
            return runtime.InferenceSession(str(self.path), options, providers=[provider])
