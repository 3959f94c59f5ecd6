"""Pretrained autoencoders: small random ones that are saved here, read back and measured."""

import json
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch
from PIL import Image
from running import Inside
from torch import nn

from harness.api.scores import score
from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.data import load_dataset
from harness.data.pixels import to_float, to_uint8
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.protocols import EvalConfig, obstacle
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.families.capabilities import Decodes, Encodes, Posterior, Quantises, Samples
from harness.metrics import load_metric
from harness.plan import shape_of
from harness.training.generator_content import content_digests

DATASET = load_dataset("digits")
SETUP = EvalConfig({"extractor": "classifier:digits", "perceptual": "classifier:digits"}, 50)
X = to_float(DATASET.test.images[:7])
CODE = """
import torch
def half(x): return x / 2
def unit(x):
    assert x.min() >= 0
    return x
def few(x): return x[1:]
def small(x): return x[:, :, ::2, ::2]
def raises(x): raise RuntimeError("no\\nGPU")
class Net: pass
"""


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "coding.py").write_text(CODE)
    look_in(tmp_path)
    yield tmp_path
    look_in(None)
    sys.modules.pop("coding", None)


def model(source, **settings):
    given = {"source": source, **settings}
    return build_family("pretrained-autoencoder", given, shape_of(DATASET))


def evidence(built):
    return Evidence(dataset_evidence(DATASET), SETUP, seed=0, model=built)


def kl(folder, **config):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    saved = diffusers.AutoencoderKL(
        in_channels=1, out_channels=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=2, **config,
    )  # fmt: skip
    saved.eval().save_pretrained(folder)
    return saved


def vq(folder, **config):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    saved = diffusers.VQModel(
        in_channels=1, out_channels=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=2, num_vq_embeddings=16, **config,
    )  # fmt: skip
    saved.decoder.conv_out.weight.data /= 4
    saved.eval().save_pretrained(folder)
    return saved


@torch.no_grad()
def test_an_autoencoder_of_a_posterior_gives_back_what_diffusers_does(folder):
    saved, built = kl(folder / "vae"), model("vae")
    expected = saved(X).sample.clamp(-1, 1)
    assert torch.equal(built.reconstruct(X), expected)
    assert torch.allclose(built.decode(built.encode(X)), expected, atol=1e-5)
    mean, logvar = built.posterior(X)
    posterior = saved.encode(X).latent_dist
    assert torch.equal(mean, posterior.mean.flatten(1))
    assert torch.equal(logvar, posterior.logvar.flatten(1))
    assert isinstance(built, Posterior)
    assert not isinstance(built, Quantises | Samples)


@torch.no_grad()
def test_a_codebook_gives_symbols_and_their_bits(folder):
    saved, built = vq(folder / "book"), model("book")
    assert torch.equal(built.reconstruct(X), saved(X).sample.clamp(-1, 1))
    symbols = built.symbols(X)
    assert symbols.shape == (7, 8, 8)
    entries = saved.quantize.embedding.weight[symbols].permute(0, 3, 1, 2)
    assert torch.allclose(built.encode(X), entries.flatten(1), atol=1e-6)
    assert not isinstance(built, Posterior)
    measured = evidence(built)
    assert measured.measure(load_metric("index_bits")).value == 64 * 4
    used = measured.measure(load_metric("codebook_usage")).value
    assert used == len(measured["code_symbols"].unique()) / 16
    for name in ("encoding_throughput", "decoding_throughput"):
        assert measured.measure(load_metric(name)).value > 0


def test_the_autoencoder_of_a_pipeline_is_found_in_its_folder(folder):
    kl(folder / "pipeline" / "vae")
    assert model("pipeline").reconstruct(X).shape == X.shape
    content = content_digests(model("pipeline").generator)
    assert content == content_digests(model("pipeline/vae").generator)
    assert {"config.json", "diffusers"} <= content.keys()


def test_files_of_networks_alone_and_in_pairs(folder):
    torch.manual_seed(0)
    encoder, decoder = nn.Conv2d(1, 4, 2, 2).eval(), nn.ConvTranspose2d(4, 1, 2, 2).eval()
    whole, n = nn.Sequential(encoder, decoder), torch.export.Dim("n")
    for name, network, example in (
        ("enc", encoder, X), ("dec", decoder, torch.randn(7, 4, 8, 8)), ("both", whole, X),
    ):  # fmt: skip
        program = torch.export.export(network, (example,), dynamic_shapes=({0: n},))
        torch.export.save(program, folder / f"{name}.pt2")
        torch.jit.trace(network, example).save(folder / f"{name}.pt")
    expected = whole(X).detach().clamp(-1, 1)
    for suffix in ("pt", "pt2"):
        pair = model(f"enc.{suffix}", decoder=f"dec.{suffix}")
        assert torch.allclose(pair.reconstruct(X), expected, atol=1e-6)
        fresh = model(f"enc.{suffix}", decoder=f"dec.{suffix}")
        assert torch.allclose(fresh.decode(pair.encode(X)), expected, atol=1e-6)
        alone = model(f"both.{suffix}")
        assert torch.allclose(alone.reconstruct(X), expected, atol=1e-6)
        assert not isinstance(alone, Encodes | Decodes)


def test_a_function_gets_images_on_its_scale():
    assert torch.equal(model("coding:half").reconstruct(X), X / 2)
    unit = model("coding:unit", value_range="0..1", images_at_once=2)
    assert torch.allclose(unit.reconstruct(X), X, atol=1e-6)


def test_what_cannot_be_had_is_not_applicable():
    built = model("coding:half")
    for name, reason in (("codebook_usage", "no codebook"), ("encoding_throughput", "not encode")):
        subject = model_subject("coding:half", built, DATASET, 50)
        assert reason in (obstacle(load_metric(name), subject, SETUP) or "")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("coding:few", "returned 6 images where 7 were asked for"),
        ("coding:small", r"was given images 1×16×16 and returned 1×8×8 \(C×H×W\)"),
        ("coding:raises", r"coding:raises fails with RuntimeError: no GPU \(coding.py:9"),
    ],
)
def test_what_a_function_does_wrong_is_one_line(source, message):
    with pytest.raises(BadInput, match=message) as caught:
        model(source).reconstruct(X)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_opened_is_one_line(folder):
    torch.save({}, folder / "weights.pt")
    (folder / "empty").mkdir()
    other = folder / "unet"
    other.mkdir()
    (other / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    pickled = folder / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    (pickled / "diffusion_pytorch_model.bin").write_bytes(b"")
    kl(folder / "vae")
    for source, settings, message in (
        ("nowhere", {}, "nowhere does not exist"),
        ("empty", {}, "has no config.json of an autoencoder"),
        ("unet", {}, "is of UNet2DModel; AutoencoderKL"),
        ("pickled", {}, "diffusion_pytorch_model.bin is a pickle"),
        ("weights.pt", {}, "is a checkpoint"),
        ("weights.ckpt", {}, "is a checkpoint"),
        ("coding:Net", {}, "is a class; a function of images"),
        ("vae", {"decoder": "dec.pt"}, "goes with an encoder in a .pt or .pt2 file"),
        ("../vae", {}, "leads out of the folder"),
    ):
        with pytest.raises(BadInput, match=message) as caught:
            model(source, **settings)
        assert "\n" not in str(caught.value)
    rgb = replace(shape_of(DATASET), channels=3)
    with pytest.raises(BadInput, match="takes images of 1 channels, and these have 3"):
        build_family("pretrained-autoencoder", {"source": "vae"}, rgb)


def test_rfid_is_the_fid_of_the_reconstructions_in_a_folder_to_the_bit(folder):
    measured = evidence(model("coding:half"))
    place = folder / "reconstructions"
    place.mkdir()
    for row, image in enumerate(measured["reconstructions"]):
        Image.fromarray(image[0].numpy()).save(place / f"{row:05}.png")
    in_folder = score(str(place), reference="digits:test", metrics=["fid"])
    assert in_folder.numbers["fid"] == measured.measure(load_metric("reconstruction_fid")).value
    assert torch.equal(measured["reconstructions"][:7], to_uint8(X / 2))


SUITE = """
title: An autoencoder that somebody trained
seeds: [0]
budget: {images: 320}
datasets: [digits]
models: [own.yaml]
metrics: [reconstruction_fid, psnr, encoding_throughput]
"""


def test_in_a_suite_it_has_the_numbers_of_the_one_line(folder):
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Conv2d(1, 4, 2, 2), nn.ConvTranspose2d(4, 1, 2, 2)).eval()
    torch.jit.trace(whole, X).save(folder / "both.pt")
    (folder / "own.yaml").write_text("family: pretrained-autoencoder\nsource: both.pt\n")
    (folder / "suite.yaml").write_text(SUITE)
    command = Inside(folder)
    ran = command("run", "suite.yaml", "--output", "out", "--jobs", "1", "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    table = pd.read_csv(folder / "out/suite/results.csv").set_index("metric")
    assert table.status["encoding_throughput"] == "not applicable", "a single file has no codes"
    line = ("score", "both.pt", "--reference", "digits:test", "--pairs", "--json", "a.json")
    scored = command(*line, "--metrics", "fid,psnr")
    assert scored.returncode == 0, scored.stderr
    values = {
        row["metric"]: row["value"] for row in json.loads((folder / "a.json").read_text())["rows"]
    }
    assert table.value["reconstruction_fid"] == values["fid"]
    assert table.value["psnr"] == values["psnr"]
