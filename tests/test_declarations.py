"""Claims are recorded with the suite's run before anything trains."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from running import Inside

from harness.config.claim_shapes import make_claim
from harness.plan import declarations
from harness.plan.declarations import Declaration, declaration_text, declared_first

SUITE = """
title: Declared
seeds: [0]
budget: {images: 128}
datasets: [digits]
models: [autoencoder/conv, vae/vae]
metrics: [mse]
claims:
  - id: better
    statement: The autoencoder reconstructs better.
    metric: mse
    model: autoencoder/conv
    against: vae/vae
    at_budget: true
"""
CLAIM = make_claim(
    id="better", statement="Better.", metric="mse", model="autoencoder/conv", against="vae/vae"
)
FIRST = Declaration("d0", "a0", "2026-01-02 10:00 UTC", seeds=3, cells=6, measured=0)
MORE_SEEDS = replace(FIRST, digest="d1", at="2026-01-03 10:00 UTC", seeds=5, cells=10, measured=6)
CHANGED = replace(MORE_SEEDS, digest="d2", asked="a2", at="2026-01-04 10:00 UTC")


@pytest.fixture
def command(tmp_path: Path) -> Inside:
    return Inside(tmp_path)


def run(command: Inside, text: str = SUITE, *options: str) -> dict[str, object]:
    """The verdict on the claim, after a run of the suite."""
    file = command.folder / "suite.yaml"
    file.write_text(text)
    out = command.folder / "out"
    ran = command("run", str(file), "--output", str(out), "--jobs", "1", *options)
    assert ran.returncode == 0, ran.stderr
    latest = max(out.glob("*/verdicts.json"), key=lambda file: file.stat().st_mtime_ns)
    return json.loads(latest.read_text())["verdicts"][0]


def test_a_claim_is_declared_before_its_cells_are_measured(command: Inside):
    first = run(command)
    assert first["declared_first"]
    assert [each["measured"] for each in first["declarations"]] == [0]
    again = run(command)
    assert again["declarations"] == first["declarations"], "nothing changed"


def test_a_changed_margin_is_another_declaration_and_more_seeds_are_the_same_claim(
    command: Inside,
):
    run(command)
    more = run(command, SUITE, "--seeds", "0,1")
    assert [each["seeds"] for each in more["declarations"]] == [1, 2]
    assert more["declared_first"], "seeds are added to a claim that was declared first"
    changed = run(command, SUITE + "    delta: 0.5\n", "--seeds", "0,1")
    assert [each["measured"] for each in changed["declarations"]] == [0, 2, 4]
    assert not changed["declared_first"]


def test_another_recipe_is_another_declaration(command: Inside):
    """Whoever changes a model after a look at it does not ask the same thing again."""
    recipe = command.folder / "own.yaml"
    text = SUITE.replace("autoencoder/conv", "own.yaml")
    recipe.write_text("extends: autoencoder/conv\nlatent: 8\n")
    assert run(command, text)["declared_first"]
    recipe.write_text("extends: autoencoder/conv\nlatent: 8\ndescription: Small.\n")
    assert len(run(command, text)["declarations"]) == 1
    recipe.write_text("extends: autoencoder/conv\nlatent: 16\n")
    changed = run(command, text)
    assert [each["measured"] for each in changed["declarations"]] == [0, 1]
    assert not changed["declared_first"]


def test_a_claim_about_what_another_suite_measured_is_not_declared_first(command: Inside):
    run(command)
    other = run(command, SUITE.replace("title: Declared", "title: Another\nname: other"))
    assert not other["declared_first"]
    assert other["declarations"][0]["measured"] == 2


@pytest.mark.parametrize(
    ("history", "text", "first"),
    [
        ((), "When it was declared is not recorded.", False),
        ((FIRST,), "before anything was measured for it.", True),
        ((FIRST, MORE_SEEDS), "before anything was measured for it.", True),
        ((replace(FIRST, measured=2),), "after 2 of 6 cells had been measured.", False),
        (
            (FIRST, MORE_SEEDS, CHANGED),
            "Changed 2026-01-04 10:00 UTC (6 cells measured by then), no reason given.",
            False,
        ),
        ((FIRST, replace(CHANGED, measured=0)), "(0 cells measured by then)", True),
    ],
)
def test_what_a_verdict_says_of_it(history: tuple[Declaration, ...], text: str, first: bool):
    assert text in declaration_text(CLAIM, history)
    assert declared_first(history) == first


def test_an_amendment_is_shown_with_its_day_and_reason():
    amended = make_claim(
        **CLAIM.model_dump(exclude={"amended"}),
        amended={"date": "2026-01-04", "reason": "Half was too strict"},
    )
    text = declaration_text(amended, (FIRST, MORE_SEEDS, CHANGED))
    assert text.endswith("Amended 2026-01-04: Half was too strict.")
    assert "no reason" not in text
    assert amended.asks_as(CLAIM)


@pytest.mark.parametrize(
    "amended", ["{date: 2026-01-04}", '{date: 2026-01-04, reason: ""}', "{date: soon, reason: So}"]
)
def test_an_amendment_without_a_day_and_a_reason_is_refused(command: Inside, amended: str):
    file = command.folder / "suite.yaml"
    file.write_text(f"{SUITE}    amended: {amended}\n")
    ran = command("validate", str(file))
    assert ran.returncode == 2
    assert "suite.yaml:15: " in ran.stderr
    assert "amended" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_reasons_are_no_part_of_what_is_asked(command: Inside):
    first = run(command)
    reasons = "    why: Because.\n    fooled_by: [noise, blur]\n"
    assert run(command, SUITE + reasons)["declarations"] == first["declarations"]


@pytest.mark.parametrize("version", [1, 2])
def test_the_digest_of_an_earlier_version_still_holds(
    command: Inside, monkeypatch: pytest.MonkeyPatch, version: int
):
    """Earlier versions digested no recipes, and `why` before that; more seeds then are the same
    claim.
    """
    text = SUITE + "    why: Because.\n"
    questions = declarations._questions
    with monkeypatch.context() as earlier:
        earlier.setattr(declarations, "_questions", lambda *args: questions(*args)[version:])
        old = run(command, text)["declarations"]
    more = run(command, text, "--seeds", "0,1")
    assert [each["asked"] for each in more["declarations"]] == [old[0]["asked"]] * 2
    assert more["declared_first"]
