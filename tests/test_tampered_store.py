"""A store that other hands were in: every verb ends with its table, and names what it left out."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from recorded import SUITE, noisy, plan_of, rows
from running import Inside
from stored_runs import cell, fid, put, value

from harness.cell.run_page import params_of
from harness.core.measurement import Measurement
from harness.engine.execute import open_site
from harness.tracking import Store, default_uri
from harness.tracking.records import NUMBER
from harness.tracking.unreadable import leave_out

CLAIM = """\
claims:
  - id: "1"
    statement: The autoencoder reconstructs better.
    metric: mse
    model: autoencoder/conv
    against: vae/vae
    direction: lower
    at_budget: true
"""
GOOD = {"metric": "fid", "status": "ok", "protocol": {"metric": "fid"}, "key": "k", "value": 1.0}


def number(**changes: object) -> str:
    return json.dumps(GOOD | changes)


NUMBERS = {
    "empty": "", "no JSON": "{", "a list": "[]", "null": "null", "a number": "1", "text": '"x"',
    "nothing in it": "{}", "no protocol": json.dumps({k: GOOD[k] for k in ("metric", "status")}),
    "value of text": number(value="abc"), "a truth value": number(value=True),
    "of 5,000 digits": number(value=1.0).replace("1.0", "1" * 5000),
    "ok without a value": number(value=None), "another status": number(status="fine"),
    "a list for a protocol": number(protocol=[1]), "protocol of nobody": number(protocol={}),
    "samples of text": number(protocol={"metric": "fid", "samples": "x"}),
    "a list of settings": number(protocol={"metric": "fid", "settings": [1]}),
    "settings in settings": number(protocol={"metric": "fid", "settings": {"a": {"b": 1}}}),
    "metric of no name": number(metric=5), "no key": number(key=None),
    "no reason": number(reason=7), "too deep": "[" * 3000 + "]" * 3000,
}  # fmt: skip
"""Numbers that cannot be read, each in a run that else is as it was."""
RUNS = {
    "seed of text": ("tags", "harness.seed", "x"), "half a seed": ("tags", "harness.seed", "1.5"),
    "negative seed": ("tags", "harness.seed", "-1"),
    "seed of 5,000 digits": ("tags", "harness.seed", "1" * 5000),
    "no model": ("tags", "harness.model", None),
    "budget of text": ("params", "budget.images", "many"),
    "negative budget": ("params", "budget.images", "-5"),
    "empty budget": ("params", "budget.images", ""),
}  # fmt: skip
"""What makes a whole run unreadable."""
PARTS = {
    "parameters of text": ("tags", "harness.fact.parameters", "x"),
    "NaN seconds": ("tags", "harness.fact.seconds", "nan"),
    "no use": ("tags", "harness.use.1", "{"), "a list of uses": ("tags", "harness.use.1", "[]"),
    "use of nobody": ("tags", "harness.use.1", '{"parent": 5, "model": "m", "sampling": null}'),
    "a list of sampling": (
        "tags", "harness.use.1", '{"parent": "p", "model": "m", "sampling": [1]}'
    ),
    **{name: ("tags", f"{NUMBER}fid.x", text) for name, text in NUMBERS.items()},
}  # fmt: skip
"""What takes one thing from a run, and leaves the rest."""
TOLERATED = {
    "a field of a newer version": ("tags", f"{NUMBER}fid.x", number(newer={"a": 1})),
    "an empty field of a newer protocol": (
        "tags", f"{NUMBER}fid.x", number(protocol={"metric": "fid", "resize": ""})
    ),
    "NaN": ("tags", f"{NUMBER}fid.x", number(value=float("nan"))),  # which is a failure
    "infinite": ("tags", f"{NUMBER}fid.x", number(value=float("inf"))),
    "an unknown status": ("tags", "harness.status", "thinking"),
    "a parent that is gone": ("tags", "mlflow.parentRunId", "0" * 32),
    "no family": ("params", "family", None),
    "another kind": ("tags", "harness.kind", "of another program"),
}  # fmt: skip
TAMPERED = {**RUNS, **PARTS, **TOLERATED}


def tamper(folder: Path, run_id: str, table: str, key: str, value: str | None) -> None:
    with closing(sqlite3.connect(folder / "runs/mlflow.db")) as database:
        database.execute(f"DELETE FROM {table} WHERE run_uuid = ? AND key = ?", (run_id, key))
        if value is not None:
            database.execute(
                f"INSERT INTO {table} (run_uuid, key, value) VALUES (?, ?, ?)", (run_id, key, value)
            )
        database.commit()


def left_out(caplog: pytest.LogCaptureFixture) -> set[str]:
    """The first characters of the ids of runs that a command named."""
    said = [record.getMessage() for record in caplog.records]
    return {line.split()[1].rstrip(":") for line in said if "is left out" in line}


def test_a_leaderboard_is_of_all_that_can_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert len(TAMPERED) >= 40
    store = Store(default_uri(tmp_path / "runs"), tmp_path / "runs")
    good = [put(store, "s", cell("gan/mlp", seed, (value(9.0, fid()),))) for seed in range(2)]
    runs = {
        name: put(store, "s", cell("vae/mlp", 10 + n, (value(3.0 + n, fid()),), day=n))
        for n, name in enumerate(TAMPERED)
    }
    for name, change in TAMPERED.items():
        tamper(tmp_path, runs[name], *change)
    command = Inside(tmp_path)
    ended = command("leaderboard", "--csv", "all.csv")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert left_out(caplog) == {runs[name][:8] for name in (RUNS | PARTS)}
    shown = command("leaderboard")
    assert shown.returncode == 0
    assert "gan/mlp" in shown.stdout
    together = command("compare", good[0], good[1])
    assert together.returncode == 0, together.stderr
    refused = command("compare", good[0], runs["seed of text"])
    assert refused.returncode == 2
    assert "cannot be read" in refused.stderr


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A folder with a finished suite whose store was tampered with, and the runs it happened to."""
    folder = tmp_path_factory.mktemp("tampered")
    plan = plan_of(folder, SUITE + CLAIM)
    store = Store(default_uri(folder / "runs"), folder / "runs")
    site = open_site(plan, store, store.folder, 20.0)
    hurt = set()
    for number_, planned in enumerate(plan.cells):
        record = store.open_cell(
            site.parent, planned.name, planned.training_key, params_of(planned)
        )
        store.add_use(record, planned.used_by(site.parent))
        store.record(record.run_id, rows(planned, noisy()))
        facts = {"seconds": 1.0, "parameters": 5, "steps": 10, "images": 640}
        store.set_status(record.run_id, "trained", **facts, peak_memory_bytes=1)
        if planned.model == "vae/vae":
            names = list(PARTS)[number_ % 5 :: 5]
            for name in names:
                table, key, text = PARTS[name]
                key = f"{key}{name}".replace(" ", "-") if key not in FACTS else key
                tamper(folder, record.run_id, table, key, text)
            hurt.add(record.run_id[:8])
    return folder, hurt


FACTS = ("harness.fact.parameters", "harness.fact.seconds")
VERBS = {
    "report": ("report", "guarded.yaml"),
    "claims": ("claims", "guarded.yaml"),
    "plan": ("plan", "guarded.yaml"),
    "leaderboard": ("leaderboard",),
    "baseline": ("baseline", "save", "guarded.yaml", "-o", "baseline.json"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_about_a_suite(
    verb: str, suite: tuple[Path, set[str]], caplog: pytest.LogCaptureFixture
):
    folder, hurt = suite
    leave_out.cache_clear()  # each is a command of its own
    ended = Inside(folder)(*VERBS[verb])
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert left_out(caplog) == hurt
    assert ended.stdout


def test_a_number_of_a_newer_version_is_read_and_not_taken_for_one_of_this():
    row = Measurement.from_json(number(newer="x", value=1 / 3))
    assert row.value == 1 / 3
    same = Measurement.from_json(number(protocol={"metric": "fid", "resize": ""}))
    other = Measurement.from_json(number(protocol={"metric": "fid", "resize": "lanczos"}))
    assert same.protocol.key() == row.protocol.key()
    assert other.protocol.key() != row.protocol.key()
    assert other.protocol.label() == "fid[resize=lanczos]"
    assert other.protocol.differs(row.protocol) == ["settings"]
