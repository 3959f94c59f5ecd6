"""The fixture `harness_suite` takes what people write, and says in one line what it cannot take."""

from pathlib import Path

import pytest

from harness.pytest_plugin.suite import SuiteUnderTest

SUITE = """\
title: A suite
seeds: [0, 1, 2]
budget: {images: 64}
datasets: [digits]
models: [vae/vae, autoencoder/conv]
metrics: [mse, psnr]
"""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("harness.cli.suite_options.StoreOptions.open", lambda options: None)
    (tmp_path / "suite.yaml").write_text(SUITE)

    def call(name="suite.yaml", **overrides):
        return SuiteUnderTest.open(name, tmp_path, tmp_path / "reports", None, overrides).plan

    return call


def test_a_path_and_text_as_on_the_command_line(opened):
    plan = opened(Path("suite.yaml"), seeds="0-1", models="vae/vae", metrics="mse,psnr")
    assert [(cell.model, cell.seed) for cell in plan.cells] == [("vae/vae", 0), ("vae/vae", 1)]
    assert set(plan.metrics) == {"mse", "psnr"}
    assert len(opened(seeds=[3], models=["vae/vae"]).cells) == 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"sedes": [0]}, "harness: harness_suite: unknown keyword 'sedes'; did you mean 'seeds'?"),
        ({"seeds": "0..1"}, "harness: --seeds '0..1': write numbers such as 0,1,2"),
        ({"seeds": 3}, "harness: harness_suite: seeds=3: should be"),
        ({"budget": "many"}, "harness: harness_suite: budget='many': should be a valid integer"),
        ({"models": "vae/vea"}, "harness: the suite has no model 'vae/vea'; did you mean"),
        ({"device": "gpu"}, "harness: "),
    ],
)
def test_what_is_misspelt_is_one_line(opened, overrides, said):
    with pytest.raises(pytest.fail.Exception) as caught:
        opened(**overrides)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
