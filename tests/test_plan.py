from pathlib import Path
from unittest.mock import Mock

import pytest

from harness.plan import Cell, Plan, Wanted, cells, make_plan, planning
from harness.spec.measurement import Measurement
from harness.spec.protocol import Protocol
from harness.spec.suite import Overrides, load_suite
from harness.tracking import Record

OBSTACLE = "gan cannot reconstruct"
FID, RECALL, PSNR = (
    Wanted(name, Protocol(name, samples=9), f"key-{name}", obstacle)
    for name, obstacle in (("fid", None), ("recall", None), ("psnr", OBSTACLE))
)
CELL = Cell(
    dataset="digits", model="gan", seed=1, family="gan", settings={}, images=9, numerics=None,  # type: ignore[arg-type]
    setup=None, wanted=(FID, RECALL, PSNR), training_key="t", data_root=Path(),  # type: ignore[arg-type]
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
    versions, protocols = Mock(wraps=planning.code_version), Mock(wraps=cells.protocol)
    monkeypatch.setattr(planning, "code_version", versions)
    monkeypatch.setattr(cells, "protocol", protocols)
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "title: T\nseeds: [0, 1, 2]\nbudget: {images: 64}\ndatasets: [digits]\n"
        "models: [vae/vae, vae/beta4]\nmetrics: [mse, parameters]\n"
    )
    plan = make_plan(load_suite(str(suite)), "cpu", None)
    assert len({cell.training_key for cell in plan.cells}) == 6
    assert len({w.key for cell in plan.cells for w in cell.wanted}) == 12
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
    assert "bf16" in changed[0].report_name
