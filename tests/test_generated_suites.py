"""Every generated set of pictures from a suite to its report, as small as it goes."""

from pathlib import Path

import pytest

from harness.config.suite import load_suite
from harness.engine.execute import open_site
from harness.engine.serial import run_serial
from harness.plan import make_plan
from harness.report.publish import publish
from harness.tracking import Store

SMALL = "train=64,test=40"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("suites")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return Store(f"sqlite:///{folder}/mlflow.db", folder)


@pytest.mark.parametrize(
    ("dataset", "models", "metrics"),
    [
        (f"polygons[{SMALL}]", "gan/dcgan", "polygon_precision, polygon_recall"),
        (f"symmetric[{SMALL}]", "gan/dcgan", "symmetry_error"),
        (f"stacked:digits[{SMALL}]", "vae/vae", "fid, mode_count, mode_kl, lpips"),
        (f"shapes[{SMALL}]", "vae/vae", "mse, mig, linear_probe"),
        (f"shapes[{SMALL},sources=outlines]", "translation/unet-l1", "psnr"),
        (
            f"moving:shapes[{SMALL},frames=2,size=20]",
            "autoencoder/conv, vae/vae, gan/dcgan, diffusion/ddpm",
            "frame_change, psnr, ssim",
        ),
    ],
)
def test_a_generated_set(dataset: str, models: str, metrics: str, folder: Path, store: Store):
    suite = folder / "small.yaml"
    suite.write_text(
        f"title: small\nseeds: [0]\nbudget: {{images: 64}}\nsamples: 40\ndatasets: ['{dataset}']\n"
        f"models: [{models}]\nmetrics: [{metrics}]\n"
    )
    plan = make_plan(load_suite(str(suite)), "cpu", folder)
    site = open_site(plan, store, folder, 60)
    outcomes = run_serial(plan.cells, site, lambda event: None, lambda outcome: None)
    assert [outcome.failures for outcome in outcomes] == [()] * len(outcomes)
    table = publish(plan, store, folder, site.parent)[0].table
    assert set(table.status) <= {"ok", "not applicable"}
    for metric in metrics.split(", "):
        assert (table[table.metric == metric].status == "ok").any(), metric
