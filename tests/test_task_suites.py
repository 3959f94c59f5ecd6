"""Every task from a suite to its report, as small as it goes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from tiny_clip import save_tiny_clip

from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.data import DATASETS
from harness.engine.execute import open_site
from harness.engine.serial import run_serial
from harness.plan import make_plan
from harness.report.page import report_html
from harness.report.publish import publish
from harness.report.results import Results
from harness.tracking import Store

Run = Callable[..., Results]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    own = {name: f"small_sets:{name.upper()}" for name in ("defects", "squares", "told")}
    DATASETS.builtin.update(own)
    folder = tmp_path_factory.mktemp("suites")
    store = Store(f"sqlite:///{folder}/mlflow.db", folder)

    def run(datasets: str, models: str, metrics: str, more: str = "") -> Results:
        suite = folder / "small.yaml"
        suite.write_text(
            "title: small\nseeds: [0]\nbudget: {images: 64}\nsamples: 60\n"
            f"datasets: [{datasets}]\nmodels: [{models}]\nmetrics: [{metrics}]\n{more}"
        )
        plan = make_plan(load_suite(str(suite)), "cpu", Path("nowhere"))
        site = open_site(plan, store, folder, 60)
        outcomes = run_serial(plan.cells, site, lambda event: None, lambda outcome: None)
        assert [outcome.failures for outcome in outcomes] == [()] * len(outcomes)
        return publish(plan, store, folder, site.parent)[0]

    yield run
    for name in own:
        del DATASETS.builtin[name]


def status(results: Results, model: str) -> dict[str, str]:
    table = results.table[results.table.model == model]
    return dict(zip(table.metric, table.status, strict=True))


def value(results: Results, model: str, metric: str) -> float:
    table = results.table
    return table[(table.model == model) & (table.metric == metric)].value.item()


@pytest.mark.parametrize("task", ["denoise=gaussian-0.1", "inpaint=random-0.5", "super=4"])
def test_restoration(run: Run, task: str):
    results = run(
        f'"digits[{task}]"', "translation/unet-l1, autoencoder/conv, vae/vae", "psnr, ssim, fid"
    )
    repaired = {"psnr": "ok", "ssim": "ok", "fid": "not applicable"}
    assert status(results, "translation/unet-l1") == repaired
    assert status(results, "autoencoder/conv") == repaired
    assert status(results, "source images") == repaired
    assert status(results, "vae/vae") == {
        "psnr": "not applicable", "ssim": "not applicable", "fid": "ok",
    }  # fmt: skip
    floors = {board.metric: board.floor.model for board in results.boards if board.floor}
    assert floors == {"psnr": "source images", "ssim": "source images", "fid": "training images"}
    reasons = pd.Series(results.table.reason[results.table.model == "vae/vae"])
    assert "vae/vae makes no images from others" in set(reasons)
    assert {p.model for p in results.pictures if p.kind == "reconstructions"} == {
        "translation/unet-l1", "autoencoder/conv",
    }  # fmt: skip


def test_one_class_detection_of_each_class(run: Run):
    claim = (
        "claims: [{id: c, statement: It tells., metric: auroc, model: autoencoder/conv, above: 0.5,"
        ' datasets: ["digits[unseen=each]"], over: average}]'
    )
    results = run('"digits[unseen=each]"', "autoencoder/conv", "auroc", claim)
    names = [f"digits[unseen={number}]" for number in range(10)]
    assert list(results.table.dataset) == names
    assert [board.dataset for board in results.boards] == ["digits[unseen=each]", *names]
    assert results.boards[0].rows[0].mean == pytest.approx(results.table.value.mean())
    (verdict,) = results.verdicts
    assert [part.dataset for part in verdict.parts] == names


@pytest.mark.parametrize(
    ("datasets", "more", "message"),
    [
        ('"digits[unseen=each]", "digits[unseen=3]"', "", "is in the suite twice"),
        (
            '"digits[unseen=each]"',
            'external: [{name: o, dataset: "digits[unseen=each]", samples: o.npz}]',
            r"stands for several datasets; name one of them, such as digits\[unseen=0\]",
        ),
    ],
)
def test_each_class_stands_for_datasets_of_its_own(
    run: Run, datasets: str, more: str, message: str
):
    with pytest.raises(BadInput, match=message):
        run(datasets, "autoencoder/conv", "auroc", more)


def test_anomaly_segmentation(run: Run):
    metrics = "auroc, pixel_auroc, aupro, mse, linear_probe"
    results = run("defects", "autoencoder/conv, gan/dcgan", metrics)
    assert status(results, "autoencoder/conv") == {
        "auroc": "ok", "pixel_auroc": "ok", "aupro": "ok", "mse": "ok",
        "linear_probe": "not applicable",
    }  # fmt: skip
    assert value(results, "autoencoder/conv", "pixel_auroc") > 0.9, "the squares are white"
    reasons = set(results.table.reason[results.table.model == "gan/dcgan"])
    assert "gan/dcgan neither scores pixels nor reconstructs images" in reasons
    probed = results.table[results.table.metric == "linear_probe"].reason.iloc[0]
    assert probed == "defects has images of one class only"


def test_defects_leave_no_class_out(run: Run):
    with pytest.raises(BadInput, match="its anomalies are defects; no class can be left out"):
        run('"defects[unseen=1]"', "autoencoder/conv", "auroc")


def test_representation_and_disentanglement(run: Run):
    metrics = [
        "linear_probe", "knn_accuracy", "retrieval_precision", "mig", "sap",
        "dci_disentanglement", "dci_completeness", "dci_informativeness", "factorvae_score",
    ]  # fmt: skip
    results = run("squares", "vae/vae", ", ".join(metrics))
    assert status(results, "vae/vae") == dict.fromkeys(metrics, "ok")


@pytest.mark.parametrize("how", ["static", "dynamic"])
def test_likelihoods_of_binarised_images_are_probabilities(run: Run, how: str):
    results = run(
        f'"digits[binarized={how}]"',
        "vae/bernoulli, vae/vae",
        "elbo, importance_bound, bits_per_dim",
    )
    assert status(results, "vae/bernoulli") == {
        "elbo": "ok", "importance_bound": "ok", "bits_per_dim": "not applicable",
    }  # fmt: skip
    assert set(status(results, "vae/vae").values()) == {"not applicable"}
    table = results.table[results.table.status == "ok"]
    assert table.protocol.str.contains("noise=none").all(), "nothing is dequantised"
    elbo, bound = (value(results, "vae/bernoulli", name) for name in ("elbo", "importance_bound"))
    assert elbo < bound < 0


def test_likelihoods_of_dequantised_images_are_densities(run: Run):
    results = run('"digits[dequantized=uniform]"', "vae/vae, vae/bernoulli", "elbo, bits_per_dim")
    assert status(results, "vae/vae") == {"elbo": "ok", "bits_per_dim": "ok"}
    assert set(status(results, "vae/bernoulli").values()) == {"not applicable"}
    assert value(results, "vae/vae", "bits_per_dim") > 0


def test_conditional_generation(run: Run):
    models = "gan/dcgan-conditional, diffusion/ddpm-conditional, gan/dcgan"
    results = run("digits", models, "class_accuracy, intra_fid, fid, latent_path_length")
    for model in ("gan/dcgan-conditional", "diffusion/ddpm-conditional"):
        assert status(results, model) == {
            "class_accuracy": "ok", "intra_fid": "ok", "fid": "ok",
            "latent_path_length": "not applicable",
        }  # fmt: skip
    assert status(results, "gan/dcgan") == {
        "class_accuracy": "not applicable", "intra_fid": "not applicable", "fid": "ok",
        "latent_path_length": "ok",
    }  # fmt: skip
    reasons = set(results.table.reason[results.table.model == "gan/dcgan"])
    assert "gan/dcgan is not asked for classes" in reasons


def test_text_to_image(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers")
    save_tiny_clip(tmp_path / "tiny")
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    results = run("told", "diffusion/ddpm-text, gan/dcgan", "clip_score@clip:tiny, sharpness")
    assert status(results, "diffusion/ddpm-text") == {
        "clip_score@clip:tiny": "ok",
        "sharpness": "ok",
    }
    assert status(results, "gan/dcgan") == {
        "clip_score@clip:tiny": "not applicable",
        "sharpness": "ok",
    }
    reasons = set(results.table.reason[results.table.model == "gan/dcgan"])
    assert "gan/dcgan makes no images from texts" in reasons


def test_unpaired_translation(run: Run):
    models = "translation/cyclegan, translation/cyclegan-identity, autoencoder/conv"
    metrics = "mse, ssim, lpips, fid_forward, fid_backward, cycle_error, colour_shift"
    results = run('"digits[unpaired=outlines]"', models, metrics)
    for model in ("translation/cyclegan", "translation/cyclegan-identity"):
        assert status(results, model) == {
            **dict.fromkeys(metrics.split(", "), "ok"), "colour_shift": "not applicable",
        }  # fmt: skip
    assert set(status(results, "autoencoder/conv").values()) == {"not applicable"}
    floors = {board.metric: board.floor for board in results.boards}
    assert {name for name, floor in floors.items() if floor} == {
        "mse", "ssim", "lpips", "fid_forward", "fid_backward",
    }  # fmt: skip
    assert {p.model for p in results.pictures if p.kind == "translations"} == {
        "translation/cyclegan", "translation/cyclegan-identity",
    }  # fmt: skip
    assert not any(p.kind == "reconstructions" for p in results.pictures)
    assert "translators/identity" in set(results.curves["name"])


def test_two_classes_are_translated_without_counterparts(run: Run):
    results = run(
        '"digits[unpaired=3+8]"', "translation/cyclegan, vae/vae", "mse, fid_forward, fid"
    )
    assert status(results, "translation/cyclegan") == {
        "mse": "not applicable", "fid_forward": "ok", "fid": "not applicable",
    }  # fmt: skip
    assert status(results, "vae/vae") == {
        "mse": "ok", "fid_forward": "not applicable", "fid": "ok",
    }  # fmt: skip


def test_a_claim_on_points_in_training(run: Run):
    """From the claim to its verdict: the points are trained, measured, and on no board."""
    claim = (
        "claims: [{id: c, statement: It tracks., shape: correlation, above: 0, "
        "metric: [jensen_shannon_bound, fid], models: {model: gan/dcgan, at: [0.25, 0.5, 1]}}]"
    )
    results = run("digits", "gan/dcgan", "jensen_shannon_bound, fid, parameters", claim)
    points = ["gan/dcgan", "gan/dcgan@0.25", "gan/dcgan@0.5"]
    fid = results.table[results.table.metric == "fid"]
    assert sorted(set(fid.model) - {"training images"}) == points
    assert status(results, "gan/dcgan@0.5") == {"jensen_shannon_bound": "ok", "fid": "ok"}
    (verdict,) = results.verdicts
    assert "fewer than" in verdict.reason or "needed" in verdict.reason, "of one seed"
    assert len(verdict.runs) == 3
    for board in results.boards:
        assert [row.model for row in board.rows] == ["gan/dcgan"]
    assert {picture.model for picture in results.pictures} == {"gan/dcgan", "training images"}
    assert set(results.curves.model) == {"gan/dcgan"}
    assert "Jensen-Shannon bound of gan/dcgan over training" in report_html(results)
