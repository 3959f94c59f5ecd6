from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from harness.config.suite import Overrides, load_suite
from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.data import load_dataset
from harness.extractors import MissingWeights
from harness.families.gan import GAN
from harness.plan import Cell, Plan, PlannedMeasurement, cells, make_plan, trained_cells
from harness.plan.ingredients import ingredients
from harness.plan.setup import _of_dataset
from harness.tracking import Record

OBSTACLE = "gan cannot reconstruct"
FID, RECALL, PSNR = (
    PlannedMeasurement(name, Protocol(name, samples=9), f"key-{name}", obstacle)
    for name, obstacle in (("fid", None), ("recall", None), ("psnr", OBSTACLE))
)
CELL = Cell(
    dataset="digits", model="gan", seed=1, family="gan", settings={}, images=9, numerics=None,  # type: ignore[arg-type]
    setup=None, planned_measurements=(FID, RECALL, PSNR), training_key="t", data_root=Path(),  # type: ignore[arg-type]
)  # fmt: skip
NUMBER = Measurement("fid", "ok", FID.protocol, FID.key, value=1.0)


def record(status: str, *rows: Measurement, reason: str = "") -> Record:
    return Record("run", "t", status, reason, {row.key: row for row in rows}, {})


def rows(record: Record | None) -> dict[str, tuple[str, str]]:
    return {m.metric: (m.status, m.reason) for m in CELL.result(record).measurements}


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_cell_that_ended_without_weights_has_a_row_for_every_metric(status: str):
    assert rows(record(status, reason="loss became NaN")) == {
        "fid": (status, "loss became NaN"),
        "recall": (status, "loss became NaN"),
        "psnr": ("not applicable", OBSTACLE),
    }


def test_its_rows_say_how_it_would_have_been_measured():
    measurement = CELL.result(record("failed")).measurements[0]
    assert (measurement.protocol, measurement.key) == (FID.protocol, FID.key)


def test_numbers_measured_before_the_failure_stay():
    assert rows(record("failed", NUMBER, reason="no luck")) == {
        "fid": ("ok", ""),
        "recall": ("failed", "no luck"),
        "psnr": ("not applicable", OBSTACLE),
    }


def test_what_is_not_finished_has_only_the_rows_that_are_there():
    assert rows(None) == {}
    assert rows(record("training", reason="")) == {}
    assert rows(record("trained", NUMBER)) == {"fid": ("ok", "")}


def test_what_seeds_share_is_found_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    versions, protocols = Mock(wraps=trained_cells.code_version), Mock(wraps=cells.protocol)
    monkeypatch.setattr(trained_cells, "code_version", versions)
    monkeypatch.setattr(cells, "protocol", protocols)
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "title: T\nseeds: [0, 1, 2]\nbudget: {images: 64}\ndatasets: [digits]\n"
        "models: [vae/vae, vae/beta4]\nmetrics: [mse, parameters]\n"
    )
    plan = make_plan(load_suite(str(suite)), "cpu", None)
    assert len({cell.training_key for cell in plan.cells}) == 6
    assert len({w.key for cell in plan.cells for w in cell.planned_measurements}) == 12
    assert len({cell.code for cell in plan.cells}) == 1
    assert versions.call_count == 1
    assert protocols.call_count == 4


def planned(**changes: str) -> Plan:
    some = {"models": ["vae/vae"], "datasets": ["digits"], "metrics": ["mse"], "seeds": [0]}
    return make_plan(load_suite("quickstart", Overrides(**some, **changes)), "cpu", None)


def test_how_training_computes_is_part_of_every_key():
    plain = planned()
    changed = planned(precision="bf16"), planned(memory_format="channels_last")
    assert [plan.cells[0].numerics.precision for plan in changed] == ["bf16", "fp32"]
    assert changed[1].cells[0].numerics.memory_format == "channels_last"
    for keys in ([plan.cells[0].training_key, plan.suite_key] for plan in changed):
        assert not {*keys} & {plain.cells[0].training_key, plain.suite_key}
    assert "bf16" in changed[0].loaded.overrides.label()


PER_DATASET = """\
title: T
seeds: [0, 1]
budget: {images: 64}
datasets:
  - digits
  - {name: "digits[unseen=8]", budget: {images: 128}, samples: 40}
models: [vae/vae]
metrics: [fid]
"""


def per_dataset(folder: Path, text: str = PER_DATASET, **overrides: object) -> Plan:
    suite = folder / "suite.yaml"
    suite.write_text(text)
    return make_plan(load_suite(str(suite), Overrides(**overrides)), "cpu", None)  # type: ignore[arg-type]


def training_keys(plan: Plan) -> dict[str, str]:
    return {c.dataset: c.training_key for c in plan.cells if c.is_trained and c.seed == 0}


def test_a_dataset_has_its_own_budget_and_samples_and_the_others_keep_their_keys(tmp_path: Path):
    plan = per_dataset(tmp_path)
    trained = [cell for cell in plan.cells if cell.is_trained]
    assert {(c.dataset, c.images, c.setup.samples) for c in trained} == {
        ("digits", 64, 599), ("digits[unseen=8]", 128, 40)
    }  # fmt: skip
    plain = per_dataset(tmp_path, PER_DATASET.replace(", budget: {images: 128}, samples: 40", ""))
    keys = [training_keys(plan), training_keys(plain)]
    assert keys[0]["digits"] == keys[1]["digits"]
    assert keys[0]["digits[unseen=8]"] != keys[1]["digits[unseen=8]"]
    assert plan.suite_key != plain.suite_key
    whole = per_dataset(tmp_path, PER_DATASET.replace("images: 64", "images: 128"))
    assert keys[0]["digits[unseen=8]"] == training_keys(whole)["digits[unseen=8]"]


def test_floors_have_as_many_images_as_the_samples_of_their_dataset(tmp_path: Path):
    floors = [cell for cell in per_dataset(tmp_path).cells if cell.model == "training images"]
    assert {c.dataset: c.planned_measurements[0].protocol.samples for c in floors} == {
        "digits": 599, "digits[unseen=8]": 40
    }  # fmt: skip


def test_the_budgets_of_datasets_are_scaled_with_the_suites(tmp_path: Path):
    plan = per_dataset(tmp_path, budget_scale=0.5)
    assert {(c.dataset, c.images) for c in plan.cells if c.is_trained} == {
        ("digits", 32), ("digits[unseen=8]", 64)
    }  # fmt: skip


TIMED = """\
title: T
seeds: [0, 1]
budget: {images: 1_000}
datasets: [digits]
models: [vae/vae, gan/dcgan]
metrics: [fid, recall, parameters]
claims:
  - id: early
    statement: The GAN is better after a tenth of its training.
    metric: fid
    model: {model: gan/dcgan, at: 0.1}
    against: vae/vae
    datasets: [digits]
  - id: rises
    statement: Recall rises.
    shape: monotone
    metric: recall
    models: {model: gan/dcgan, at: [0.1, 0.5, 1]}
    direction: rises
    datasets: [digits]
"""


def timed_plan(folder: Path) -> Plan:
    suite = folder / "timed.yaml"
    suite.write_text(TIMED)
    return make_plan(load_suite(str(suite)), "cpu", None)


def test_a_point_in_training_is_a_cell_with_what_claims_ask_of_it(tmp_path: Path):
    cells = {(c.model, c.seed): c for c in timed_plan(tmp_path).cells}
    early, half = cells["gan/dcgan@0.1", 1], cells["gan/dcgan@0.5", 1]
    assert (early.images, half.images, cells["gan/dcgan", 1].images) == (100, 500, 1000)
    assert [w.metric for w in early.planned_measurements] == ["fid", "recall"]
    assert [w.metric for w in half.planned_measurements] == ["recall"]
    assert early.training_key not in (half.training_key, cells["gan/dcgan", 1].training_key)
    assert len(cells) == 2 * 4 + 1, "and the floor"


def test_it_is_trained_as_a_model_with_that_budget_is(tmp_path: Path):
    half = next(c for c in timed_plan(tmp_path).cells if c.model == "gan/dcgan@0.5")
    suite = tmp_path / "short.yaml"
    suite.write_text(
        "title: T\nseeds: [0]\nbudget: {images: 500}\ndatasets: [digits]\nmodels: [gan/dcgan]\n"
        "metrics: [recall]\n"
    )
    short = make_plan(load_suite(str(suite)), "cpu", None).cells[0]
    assert half.training_key == short.training_key
    assert half.planned_measurements == short.planned_measurements


def test_points_go_with_the_claims_that_ask_for_them(tmp_path: Path):
    timed = timed_plan(tmp_path)
    without = Overrides(metrics=["fid"])
    loaded = load_suite(str(timed.loaded.document.path), without)
    assert "rises" in loaded.dropped
    models = {cell.model for cell in make_plan(loaded, "cpu", None).cells}
    assert models == {"vae/vae", "gan/dcgan", "gan/dcgan@0.1", "training images"}


def test_the_horizon_is_part_of_the_key_where_training_depends_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def horizons() -> dict[str, int | None]:
        return {cell.model: cell.horizon for cell in timed_plan(tmp_path).cells}

    plain = timed_plan(tmp_path).cells
    assert all("horizon" not in cell.ingredients for cell in plain)
    assert set(horizons().values()) == {None}
    phases = GAN.phases
    monkeypatch.setattr(GAN, "phases", lambda self: phases(self) * 2)
    cells = {cell.model: cell for cell in timed_plan(tmp_path).cells}
    whole, part = cells["gan/dcgan"], cells["gan/dcgan@0.1"]
    assert whole.horizon == part.horizon == whole.images > part.images
    assert part.ingredients["horizon"] == whole.images
    assert cells["vae/vae"].horizon is None


def test_how_samples_are_drawn_is_part_of_every_number(tmp_path: Path):
    """Whatever evidence it comes from: a restorer's error depends on its sampler too."""
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "title: T\nseeds: [0]\nbudget: {images: 64}\ndatasets: [digits]\n"
        "models: [diffusion/ddpm-20-steps, diffusion/ddpm-50-steps]\n"
        "metrics: [fid, latent_path_length, mse, sampling_throughput]\n"
    )
    first, second = make_plan(load_suite(str(suite)), "cpu", None).cells[:2]
    assert first.training_key == second.training_key
    assert not {wanted.key for wanted in first.planned_measurements} & {
        wanted.key for wanted in second.planned_measurements
    }


def test_samplers_and_guidance_share_one_training(tmp_path: Path):
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "title: T\nseeds: [0]\nbudget: {images: 64}\ndatasets: [digits]\nmetrics: [fid]\n"
        "models: [diffusion/ddpm, diffusion/ddpm-dpm-solver, diffusion/ddpm-cfg-1,"
        " diffusion/ddpm-cfg-2, diffusion/ddpm-cfg-4, flow/matching, flow/matching-8-steps]\n"
    )
    cells = make_plan(load_suite(str(suite)), "cpu", None).cells
    trainings: dict[str, set[str]] = {}
    numbers = {}
    for cell in cells:
        trainings.setdefault(cell.training_key, set()).add(cell.model)
        numbers[cell.planned_measurements[0].key] = cell.model
    shared = [models for models in trainings.values() if len(models) > 1]
    assert {frozenset(models) for models in shared} == {
        frozenset({"diffusion/ddpm", "diffusion/ddpm-dpm-solver"}),
        frozenset({"diffusion/ddpm-cfg-1", "diffusion/ddpm-cfg-2", "diffusion/ddpm-cfg-4"}),
        frozenset({"flow/matching", "flow/matching-8-steps"}),
    }
    assert len(numbers) == len(cells)
    assert all(cell.sampling["code"] for cell in cells if cell.is_trained)


def test_a_key_can_be_listed():
    listed = list(ingredients(planned(), "vae/vae"))
    assert listed[0] == ("digits · vae/vae · seed 0", planned().cells[0].training_key)
    names = [name.strip() for name, _ in listed]
    assert {"data", "seed", "images", "settings.latent", "harness.families.vae"} <= {*names}
    with pytest.raises(BadInput, match="trains no model 'vae/vea'; did you mean"):
        list(ingredients(planned(), "vae/vea"))


@pytest.mark.parametrize(
    ("name", "classifier"),
    [
        ("mnist", "classifier:mnist"),
        ("mnist[size=16]", "classifier:mnist-16"),
        ("digits[size=8]", "classifier:digits"),
    ],
)
def test_where_weights_are_missing_the_classifier_of_that_size_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, classifier: str
):
    missing = Mock(side_effect=MissingWeights("not on this machine"))
    monkeypatch.setattr("harness.plan.setup.load_checked", missing)
    with pytest.raises(BadInput, match=f"or measure with --extractor {classifier}$"):
        _of_dataset("extractor", "inception", replace(load_dataset("digits"), name=name))
