from harness.analysis.failures import filled
from harness.spec.measurement import CellResult, Measurement
from harness.spec.protocol import Protocol


def measured(name, status="ok", reason=""):
    value = 1.0 if status == "ok" else None
    return Measurement(name, status, Protocol(name, samples=9), "key", value=value, reason=reason)


def cell(model, seed, *measurements, status="ok", dataset="digits"):
    reason = "loss became NaN" if status != "ok" else ""
    return CellResult(dataset, model, seed, "t", status, "run", reason, measurements)


NA = measured("psnr", "not applicable", "gan cannot reconstruct")


def statuses(cells):
    last = filled(cells)[-1]
    return {m.metric: (m.status, m.reason) for m in last.measurements}


def test_a_cell_that_died_has_the_metrics_of_its_siblings():
    died = cell("gan", 1, status="diverged")
    found = statuses([cell("vae", 0, measured("psnr")), cell("gan", 0, measured("fid"), NA), died])
    assert found == {
        "fid": ("diverged", "loss became NaN"),
        "psnr": ("not applicable", "gan cannot reconstruct"),
    }


def test_numbers_measured_before_the_failure_stay():
    died = cell("gan", 1, measured("fid"), status="failed")
    found = statuses([cell("gan", 0, measured("fid"), measured("recall")), died])
    assert found == {"fid": ("ok", ""), "recall": ("failed", "loss became NaN")}


def test_a_metric_that_applies_to_no_other_model_does_not_apply_here():
    none = measured("auroc", "not applicable", "no unseen class")
    found = statuses([cell("vae", 0, none), cell("gan", 0, status="failed")])
    assert found == {"auroc": ("not applicable", "no unseen class")}


def test_the_protocol_is_that_of_the_cells_with_numbers():
    cells = [cell("vae", 0, measured("fid")), cell("gan", 0, status="failed")]
    assert filled(cells)[-1].measurements[0].protocol == Protocol("fid", samples=9)


def test_other_datasets_and_sound_cells_are_left_alone():
    cells = [cell("vae", 0, measured("fid"), dataset="mnist"), cell("gan", 0, status="failed")]
    assert filled(cells) == cells
