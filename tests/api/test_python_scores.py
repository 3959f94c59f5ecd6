"""`harness.score`: the numbers and the error lines are those of `harness score`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from running import Inside
from torch import nn

import harness
from harness.data import load_dataset
from harness.data.pixels import to_float

METRICS = "fid,recall"
NETWORK = ("--extractor", "classifier:digits", "--device", "cpu")
SHELL = ("--reference", "digits:test", "--metrics", METRICS, *NETWORK)
HOW: dict[str, Any] = {"extractor": "classifier:digits", "device": "cpu"}
PYTHON: dict[str, Any] = {"reference": "digits:test", "metrics": METRICS, **HOW}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Images uint8 n×1×16×16."""
    return load_dataset("digits").train.images[:120]


def rows(result: harness.ScoreResult, *without: str) -> list[dict[str, Any]]:
    plain = [json.loads(row.to_json()) for row in result.rows]
    return [{name: value for name, value in row.items() if name not in without} for row in plain]


def save_pngs(images: torch.Tensor, folder: Path) -> None:
    folder.mkdir()
    for number, image in enumerate(images[:, 0].numpy()):
        Image.fromarray(image).save(folder / f"{number:05d}.png")


def forms(images: torch.Tensor) -> dict[str, Any]:
    """The same images as whatever somebody may have."""
    array = images[:, 0].numpy()
    return {
        "tensor": images,
        "float tensor": to_float(images),
        "n×H×W": images[:, 0],
        "array": array[..., None],
        "float array": to_float(images).numpy(),
        "Pillow": [Image.fromarray(image) for image in array],
    }


def test_images_in_memory_have_the_numbers_of_a_folder_and_an_array(shell, folder, images):
    save_pngs(images, folder / "png")
    np.savez(folder / "images.npz", images.movedim(1, -1).numpy())
    expected = shell("png", *SHELL)
    assert shell("images.npz", *SHELL) == expected
    for name, value in {**forms(images), "folder": "png", "path": folder / "images.npz"}.items():
        assert rows(harness.score(value, **PYTHON)) == expected, name


def test_values_of_0_to_1_are_those_of_the_range(images):
    unit = images.float() / 255
    scored = harness.score(unit, value_range="0..1", **PYTHON)
    assert rows(scored) == rows(harness.score(images, **PYTHON))
    with pytest.raises(harness.BadInput, match=r"tensor has values from 0 to 1.*lie in \[0, 1\]"):
        harness.score(unit, **PYTHON)


def test_a_reference_in_memory_with_labels_is_compared_class_by_class(shell, folder, images):
    test = load_dataset("digits").test
    labels = load_dataset("digits").train.labels[:120]
    for name, x, y in (("a", images, labels), ("b", test.images, test.labels)):
        np.savez(folder / f"{name}.npz", arr_0=x.movedim(1, -1).numpy(), labels=y.numpy())
    expected = shell("a.npz", "--reference", "b.npz", "--metrics", "intra_fid,fid", *NETWORK)
    scored = harness.score(
        (images, labels),
        (test.images, test.labels.tolist()),
        ["intra_fid", "fid"],
        **HOW,
    )
    for row, other in zip(rows(scored), expected, strict=True):
        assert (row["value"], row["stderr"]) == (other["value"], other["stderr"])


def test_pairs_draws_and_resizing_are_those_of_the_shell(shell, folder, images):
    noisy = (images.float() + 3 * torch.randn(images.shape, generator=torch.Generator())).clamp(
        0, 255
    )
    noisy = noisy.to(torch.uint8)
    np.savez(folder / "a.npz", images.movedim(1, -1).numpy())
    np.savez(folder / "b.npz", noisy.movedim(1, -1).numpy())
    paired = shell("b.npz", "--reference", "a.npz", "--pairs", "--metrics", "psnr,ssim")
    scored = harness.score(noisy, images, "psnr,ssim", pairs=True)
    assert [row["value"] for row in rows(scored)] == [row["value"] for row in paired]
    drawn = shell("a.npz", "b.npz", "--draws", *SHELL)
    assert rows(harness.score([images, noisy], draws=True, **PYTHON)) == drawn
    resized = shell("a.npz", *SHELL, "--resize", "8:box", "--extractor", "identity")
    scored = harness.score(images, resize="8:box", **PYTHON | {"extractor": "identity"})
    assert rows(scored) == resized


def test_statistics_in_a_file_are_compared_with_images_in_memory(shell, folder, images):
    np.savez(folder / "images.npz", images.movedim(1, -1).numpy())
    shell("digits:test", "--save-statistics", "test.npz", *NETWORK)
    (expected,) = shell("images.npz", "--reference", "test.npz", *NETWORK)
    scored = harness.score(images, folder / "test.npz", **HOW)
    assert scored["fid"] == expected["value"]
    other = np.load("test.npz")["mu"][:9]
    np.savez("other.npz", mu=other, sigma=np.eye(9))
    with pytest.raises(harness.BadInput, match="9 features, tensor 64: they are of two"):
        harness.score(images, "other.npz", **HOW)
    with pytest.raises(harness.BadInput, match="--log needs images on both sides"):
        scored.log()


# -- models -----------------------------------------------------------------------------------


def plain(n: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, 1, 16, 16, generator=generator) * 2 - 1


class Plain:
    def __call__(self, n: int, generator: torch.Generator) -> torch.Tensor:
        return plain(n, generator)


class Sampler(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        assert not self.training
        return self.weight * plain(n, generator)


def test_a_function_an_object_and_a_module_have_the_numbers_of_a_named_function(shell, folder):
    expected = shell("drawing:plain", "-n", "110", *SHELL)
    module = Sampler().train()
    for model in (plain, Plain(), module, module.sample, "drawing:plain"):
        assert rows(harness.score(model, n=110, **PYTHON)) == expected, model
    assert module.training
    other = harness.score(plain, n=110, seed=1, **PYTHON)
    assert other["fid"] == shell("drawing:plain", "-n", "110", "--seed", "1", *SHELL)[0]["value"]


class Generator(nn.Module):
    """Latents n×8 and labels n to images; normalised over batches in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 256), nn.BatchNorm1d(256), nn.Tanh())
        self.shift = nn.Embedding(10, 256)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.layers(z) + self.shift(labels)).view(-1, 1, 16, 16)


def test_a_module_of_latents_and_labels_is_scored_as_its_exported_program(shell, folder):
    torch.manual_seed(0)
    network = Generator().eval()
    shapes = ({0: (n := torch.export.Dim("n"))}, {0: n})
    example = (torch.zeros(2, 8), torch.zeros(2, dtype=torch.int64))
    torch.export.save(torch.export.export(network, example, dynamic_shapes=shapes), "net.pt2")
    expected = shell("net.pt2", "-n", "120", *SHELL)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    scored = harness.score(network.train(), n=120, latent=8, **PYTHON)
    assert rows(scored) == expected
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.layers[1].training
    network(*example).sum().backward()  # what was drawn without gradients stands in no way


def test_a_pipeline_in_memory_is_scored_as_its_folder(shell, folder):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet = diffusers.UNet2DModel(
        sample_size=16, in_channels=1, out_channels=1, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(8,), **blocks,
    )  # fmt: skip
    pipeline = diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler(10))
    pipeline.save_pretrained("pipeline")
    expected = shell("pipeline", "-n", "60", *SHELL, "--argument", "num_inference_steps=2")
    arguments = {"num_inference_steps": 2}
    assert rows(harness.score(pipeline, n=60, arguments=arguments, **PYTHON)) == expected

    class Own(diffusers.DDIMPipeline):  # which the package does not have
        pass

    own = Own(unet, diffusers.DDIMScheduler(10))
    assert rows(harness.score(own, n=60, arguments=arguments, **PYTHON)) == expected


def test_captions_in_memory_are_given_to_the_model(images):
    asked: list[str] = []

    def captioned(n: int, generator: torch.Generator, captions: list[str]) -> torch.Tensor:
        asked.extend(captions)
        return plain(n, generator)

    texts = [f"text {number}, or so" for number in range(9)]
    harness.score(captioned, captions=texts, n=8, **PYTHON)
    assert asked == texts[:8]
    with pytest.raises(harness.BadInput, match="captioned: 9 captions, and 10 samples"):
        harness.score(captioned, captions=texts, n=10, **PYTHON)
    with pytest.raises(harness.BadInput, match="captions: 9 texts for 120 samples"):
        harness.score(images, captions=texts, **PYTHON)


def test_a_call_leaves_torch_and_its_randomness_as_they_were(images):
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    torch.use_deterministic_algorithms(False)
    state = torch.get_rng_state()
    harness.score(lambda n, generator: 2 * torch.rand(n, 1, 16, 16) - 1, n=50, **PYTHON)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "samples", "options"),
    [
        (("nowhere",), "nowhere", {}),
        (("digits:train", "--metrics", "fdi"), "digits:train", {"metrics": "fdi"}),
        (("digits:train", "-n", "9"), "digits:train", {"n": 9}),
        (("digits:train", "--latent", "8"), "digits:train", {"latent": 8}),
        (("drawing:plain", "--pairs"), "drawing:plain", {"pairs": True}),
        (("drawing:plain", "--pairs", "-n", "9"), "drawing:plain", {"pairs": True, "n": 9}),
        (("drawing:plain", "--argument", "x=1"), "drawing:plain", {"arguments": {"x": 1}}),
        (("digits:train", "--profile", "other"), "digits:train", {"profile": "other"}),
        (("digits:train", "--crop-border", "2"), "digits:train", {"crop_border": 2}),
        (("digits:train", "--device", "tpu"), "digits:train", {"device": "tpu"}),
        (("run:0",), "run:0", {}),
        (("model.pth",), "model.pth", {}),
    ],
)
def test_the_line_is_that_of_the_shell(folder, words, samples, options):
    ended = Inside(folder)("score", *words, "--reference", "digits:test")
    assert ended.returncode == 2
    with pytest.raises(harness.BadInput) as raised:
        harness.score(samples, "digits:test", **options)
    assert ended.stderr == f"harness: {raised.value}\n"


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        (3, {}, "an int is neither images nor a model"),
        (torch.zeros(3, 16, 16, dtype=torch.uint8), {}, "looks like one image"),
        (torch.zeros(9, 16, 16, 1, dtype=torch.uint8), {}, "n×C×H×W"),
        (np.zeros((9, 16, 16), dtype=np.int64), {}, "values are int64; uint8 or float"),
        (torch.zeros(1, 1, 16, 16, dtype=torch.uint8), {}, "a set needs at least 2"),
        ([], {}, "a set needs at least 2"),
        (torch.full((9, 1, 16, 16), float("nan")), {}, "not finite"),
        ([Image.new("L", (16, 16)), Image.new("L", (8, 8))], {}, "images 0 and 1 are 16×16 L"),
        ([Image.new("P", (16, 16))] * 2, {}, "has the mode P; L or RGB is needed"),
        (plain, {"n": -1}, "n=-1: should be greater than or equal to 0"),
        (plain, {"metric": "fid"}, "there is no keyword 'metric'; did you mean 'metrics'?"),
        (Plain, {"n": 9}, "the class Plain makes no images"),
        (nn.Linear(8, 256), {"n": 9}, "does not say the shape of its latents"),
        (lambda n: n, {"n": 9}, r"cannot be called as f\(n, generator\)"),
        (lambda n, generator: torch.full((n, 1, 16, 16), float("nan")), {"n": 9}, "not finite"),
        (lambda n, generator: torch.zeros(n, 3, 16, 16), {"n": 9}, "samples are 3×16×16"),
    ],
)
def test_what_cannot_be_used_is_one_line(samples, options, message):
    with pytest.raises(harness.BadInput, match=message) as raised:
        harness.score(samples, "digits:test", **options)
    assert "\n" not in str(raised.value)


def test_labels_that_are_not_one_for_each_image(images):
    for labels in ([0] * 3, [0.5] * 120, [-1] * 120, "no labels"):
        with pytest.raises(harness.BadInput, match="a whole number from 0 up is needed"):
            harness.score((images, labels), **PYTHON)


# -- the result -------------------------------------------------------------------------------


def test_the_result_prints_and_becomes_a_table(images):
    result = harness.score(images, name="<b>", **PYTHON)
    assert result.numbers == {"fid": result["fid"], "recall": result["recall"]}
    frame = result.to_frame()
    assert frame.metric.tolist() == ["fid", "recall"]
    assert frame.value.tolist() == [result["fid"], result["recall"]]
    assert "samples: tensor, 120 images 1×16×16" in repr(result)
    assert f"fid     {result['fid']:.2f}" in repr(result)
    html = result._repr_html_()
    assert f"<td>{result['fid']:.2f}</td>" in html
    with pytest.raises(harness.BadInput, match="'fidd' was not measured; did you mean 'fid'"):
        result["fidd"]


def test_a_metric_without_a_number_says_why(images):
    noisy = images.clone()
    noisy[0, 0, 0, 0] ^= 1
    result = harness.score(images, noisy, pairs=True, **HOW)
    with pytest.raises(harness.BadInput, match="ms_ssim: not applicable: "):
        result["ms_ssim"]
    assert "ms_ssim" not in result.numbers
    assert result.to_frame().set_index("metric").value.isna()["ms_ssim"]


def test_texts_of_others_are_no_html(images):
    pipe = harness.score(Named("<script>", images), n=20, **PYTHON)
    assert "<script>" not in pipe._repr_html_()
    assert "&lt;script&gt;" in pipe._repr_html_()


class Named:
    def __init__(self, name: str, images: torch.Tensor) -> None:
        self.__name__, self.images = name, images

    def __call__(self, n: int, generator: torch.Generator) -> torch.Tensor:
        return self.images[:n]


def test_what_is_logged_is_the_run_of_the_shell(shell, folder, images):
    np.savez(folder / "images.npz", images.movedim(1, -1).numpy())
    shell("images.npz", *SHELL, "--log", "--output", "out")
    from harness.tracking import Store, default_uri  # noqa: PLC0415 - with the folder's store

    store = Store(default_uri(Path("out")), Path("out"))
    (run,) = store.search([store.experiments()["score"]], "")
    assert harness.score(images, output="out", **PYTHON).log() == run.info.run_id
    other = harness.score(images, **PYTHON).log(output="elsewhere")
    assert (folder / "elsewhere" / "mlflow.db").is_file()
    assert other != run.info.run_id


def test_the_import_is_quick_and_loads_nothing():
    """What is heavy comes with the first call; names are there for editors all the same."""
    code = (
        "import sys, harness; heavy = {'torch', 'pandas', 'mlflow', 'lightning', 'numpy', 'typer'};"
        "assert not heavy & set(sys.modules); assert set(harness.__all__) <= set(dir(harness))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        harness.scores  # noqa: B018
    for name in harness.__all__:
        assert getattr(harness, name) is not None
