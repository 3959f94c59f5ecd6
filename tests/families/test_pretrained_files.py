"""Generators in files: TorchScript, exported programs and ONNX; what is pickled is refused."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.latents import draw_latents
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import open_generator
from harness.training.generator_content import content_digests


class Net(nn.Module):
    """Latents n×8 to images n×1×4×4."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 16)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 1, 4, 4)


class ClassNet(Net):
    def forward(self, z: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        return torch.tanh(self.layer(z) + labels[:, None]).view(-1, 1, 4, 4)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    look_in(tmp_path)
    yield tmp_path
    look_in(None)


def save_script(network: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network).save(str(path))


def save_program(network: nn.Module, path: Path, batch: int | None = None) -> None:
    labels = (torch.zeros(batch or 3, dtype=torch.int64),) * isinstance(network, ClassNet)
    inputs = (torch.zeros(batch or 3, 8), *labels)
    shapes = tuple({0: torch.export.Dim("n")} for _ in inputs) if batch is None else None
    torch.export.save(torch.export.export(network.eval(), inputs, dynamic_shapes=shapes), path)


def save_onnx(network: Net, path: Path, batch: int | str = "n") -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weight, bias = (x.detach().numpy() for x in (network.layer.weight, network.layer.bias))
    names = ("w", weight), ("b", bias), ("shape", torch.tensor([-1, 1, 4, 4]).numpy())
    inputs = [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [batch, 8])]
    nodes = [helper.make_node("Gemm", ["z", "w", "b"], ["h"], transB=1)]
    last = "h"
    if isinstance(network, ClassNet):
        inputs.append(helper.make_tensor_value_info("labels", onnx.TensorProto.INT64, [batch]))
        axis = torch.tensor([1]).numpy()
        names = (*names, ("axis", axis))
        nodes += [
            helper.make_node("Cast", ["labels"], ["f"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["f", "axis"], ["c"]),
            helper.make_node("Add", ["h", "c"], ["s"]),
        ]
        last = "s"
    nodes += [
        helper.make_node("Tanh", [last], ["t"]),
        helper.make_node("Reshape", ["t", "shape"], ["x"]),
    ]
    output = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [batch, 1, 4, 4])
    graph = helper.make_graph(
        nodes, "g", inputs, [output], [numpy_helper.from_array(x, name) for name, x in names]
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)


SAVE = {"model.pt": save_script, "model.pt2": save_program, "model.onnx": save_onnx}


def opened(name: str, **settings: Any) -> ImageGenerator:
    if name.endswith(".pt"):
        settings = {"latent": [8], **settings}
    model = open_generator(PretrainedSettings.model_validate({"source": name, **settings}))
    model.load(torch.device("cpu"))
    return model


@pytest.mark.parametrize("name", SAVE)
def test_a_file_gives_the_images_of_its_network(folder: Path, name: str):
    network = Net()
    SAVE[name](network, folder / name)  # type: ignore[operator]
    made = opened(name).draw(5, torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(torch.randn(5, 8, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("name", SAVE)
def test_a_second_input_is_labels(folder: Path, name: str):
    network = ClassNet()
    SAVE[name](network, folder / name)  # type: ignore[operator]
    model, labels = opened(name), torch.tensor([0, 1, 2])
    assert model.condition == "labels"
    made = model.draw(3, torch.Generator().manual_seed(1), labels)
    with torch.no_grad():
        latents = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
        assert torch.allclose(made, network(latents, labels), atol=1e-6)


@pytest.mark.parametrize("name", ["model.pt2", "model.onnx"])
def test_a_network_for_a_fixed_number_of_images(folder: Path, name: str):
    network = Net()
    SAVE[name](network, folder / name, 4)  # type: ignore[operator]
    made = opened(name).draw(10, torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(torch.randn(10, 8, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(made, expected, atol=1e-6)


def test_the_content_is_that_of_the_file_and_not_its_name(folder: Path):
    save_program(Net(), folder / "a.pt2")
    (folder / "b.pt2").write_bytes((folder / "a.pt2").read_bytes())
    save_program(Net(), folder / "c.pt2")
    a, b, c = (content_digests(opened(f"{name}.pt2")) for name in "abc")
    assert a == b != c


def test_latents_of_each_distribution():
    draws = torch.Generator().manual_seed(0)
    uniform = draw_latents((1000, 3), "uniform", draws)
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1
    sphere = draw_latents((1000, 2, 2), "sphere", draws)
    assert torch.allclose(sphere.flatten(1).norm(dim=1), torch.ones(1000))
    normal = draw_latents((100_000,), "normal", draws)
    assert float(normal.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("model.pt", {"latent": ()}, "does not say the shape of its latents"),
        ("model.pt2", {"latent": (9,)}, "takes latents of 8, not 9"),
        ("model.pt2", {"arguments": {"steps": 3}}, "no arguments by name"),
        ("model.pt2", {"condition": "labels"}, "takes none, not the condition labels"),
        ("../model.pt2", {}, "leads out of the folder"),
        ("absent.pt2", {}, "does not exist"),
    ],
)
def test_settings_that_do_not_fit_the_file(folder: Path, name: str, settings, message: str):
    save_script(Net(), folder / "model.pt")
    save_program(Net(), folder / "model.pt2")
    with pytest.raises(BadInput, match=message):
        opened(name, **settings)


def test_checkpoints_and_damaged_files_are_refused(folder: Path):
    torch.save(Net().state_dict(), folder / "weights.pt")
    (folder / "none.pt").write_bytes(b"no archive")
    (folder / "none.pt2").write_bytes(b"no archive")
    torch.save(Net().state_dict(), folder / "weights.pt2")
    for name in ("weights.pt", "none.pt", "none.pt2"):
        with pytest.raises(BadInput, match=r"torch\.export\.save"):
            opened(name)
    with pytest.raises(BadInput, match=r"no file of torch\.export\.save"):
        opened("weights.pt2")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


def changed(source: Path, target: Path, ending: str, content: bytes) -> None:
    """A copy of an archive with other content in the member of this ending."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member.endswith(ending) else old.read(member))


def test_nothing_of_an_exported_program_is_unpickled(folder: Path, monkeypatch):
    monkeypatch.chdir(folder)
    save_program(Net(), folder / "good.pt2")
    bomb = io.BytesIO()
    torch.save(Bomb(), bomb)
    changed(folder / "good.pt2", folder / "a.pt2", "sample_inputs/model.pt", bomb.getvalue())
    with zipfile.ZipFile(folder / "good.pt2") as archive:
        member = next(m for m in archive.namelist() if m.endswith("weights_config.json"))
        config = json.loads(archive.read(member))
    next(iter(config["config"].values()))["use_pickle"] = True
    text = json.dumps(config).encode()
    changed(folder / "good.pt2", folder / "b.pt2", "weights_config.json", text)
    changed(folder / "good.pt2", folder / "c.pt2", "sample_inputs/model.pt", pickle.dumps(Bomb()))
    for name in ("a.pt2", "b.pt2", "c.pt2"):
        with pytest.raises(BadInput, match="pickled objects, which could run code"):
            opened(name)
    assert not (folder / "exploded").exists()


def test_onnx_without_onnxruntime_says_what_to_install(folder: Path, monkeypatch):
    (folder / "model.onnx").write_bytes(b"x")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"harness\[onnx\]"):
        opened("model.onnx")


def test_a_damaged_onnx_file_is_one_line(folder: Path):
    pytest.importorskip("onnxruntime")
    (folder / "model.onnx").write_bytes(b"x" * 100)
    with pytest.raises(BadInput, match="cannot be read as ONNX") as caught:
        opened("model.onnx")
    assert "\n" not in str(caught.value)
