"""From a suite's samples to the leaderboard, with a real store and a real browser."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from running import Inside

from harness.data import load_dataset
from harness.evaluation.pictures.sheets import grid_png, grid_tiles

SUITE = """
title: Votes on <digits>
seeds: [0]
budget: {images: 64}
samples: 70
datasets: [digits, {name: "digits[unseen=8]", models: [autoencoder/conv], metrics: [auroc]}]
models: [autoencoder/conv]
metrics: [fid]
external:
  - {name: dark, dataset: digits, samples: [dark.npy]}
  - {name: bright, dataset: digits, samples: [bright.npy]}
"""
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite that was run: two entrants' samples, 20 each, and training images."""
    place = tmp_path_factory.mktemp("voting")
    images = load_dataset("digits").test.images[:40].permute(0, 2, 3, 1).numpy()
    np.save(place / "dark.npy", images[:20] // 4)
    np.save(place / "bright.npy", 255 - images[20:])
    (place / "suite.yaml").write_text(SUITE)
    ran = Inside(place)("run", "suite.yaml", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    return place


@pytest.fixture(scope="module")
def page(folder: Path) -> dict:
    made = Inside(folder)("vote", "suite.yaml", "--pairs", "40", "-o", "vote.html")
    assert made.returncode == 0, made.stderr
    assert "44 pairs of 3 entrants" in made.stdout
    assert "digits[unseen=8] is left out: no model has samples to show, and a vote takes two" in (
        made.stdout
    )
    html = (folder / "vote.html").read_text()
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])


def votes(page: dict, choices: list[str]) -> dict:
    return {
        "harness_votes": 1, "page": page["page"], "run": page["run"], "suite": page["suite"],
        "voter": "", "votes": [
            {"pair": i, "choice": choice, "seconds": 1} for i, choice in enumerate(choices)
        ],
    }  # fmt: skip


def test_the_page_does_not_say_who_made_what(folder: Path, page: dict):
    html = (folder / "vote.html").read_text()
    for word in ("bright", "training images", "autoencoder", "entrant"):
        assert word not in html
    assert "Votes on &lt;digits&gt;" in html
    assert page["images"] == sorted(page["images"])


def test_votes_become_strengths_on_the_board(folder: Path, page: dict):
    """A voter who prefers what has the darker corner prefers `dark`, then training images."""

    def brightness(uri: str) -> float:
        png = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
        return float(np.asarray(Image.open(io.BytesIO(png))).mean())

    means = [brightness(uri) for uri in page["images"]]
    choices = ["left" if means[a] < means[b] else "right" for a, b, _ in page["pairs"]]
    (folder / "ada.json").write_text(json.dumps(votes(page, choices)))
    counted = Inside(folder)("vote", "tally", "ada.json")
    assert counted.returncode == 0, counted.stderr
    order = re.findall(r"digits\s+│ (dark|bright|training images) ", counted.stdout)
    assert order == ["dark", "training images", "bright"]
    assert "40 votes of 1 voter, 0 ties among them" in counted.stdout
    assert "100% of the repeated pairs were answered alike" in counted.stdout
    assert Inside(folder)("report", "suite.yaml").returncode == 0
    board = (folder / "runs/suite/leaderboard.csv").read_text()
    assert "human_preference[voters=1, votes=40" in board

    # Another voter who sees the opposite: agreement is at its worst, and the rows are replaced.
    turned = [{"left": "right", "right": "left"}[choice] for choice in choices]
    (folder / "grace.json").write_text(json.dumps(votes(page, turned)))
    both = Inside(folder)("vote", "tally", "ada.json", "grace.json")
    assert "80 votes of 2 voters" in both.stdout
    assert "kappa) is -1.00" in both.stdout
    Inside(folder)("report", "suite.yaml")
    board = (folder / "runs/suite/leaderboard.csv").read_text()
    assert "votes=80" in board
    assert "votes=40" not in board


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"page": "abcdef"}, r"has no page abcdef of suite 'suite'"),
        ({"run": "abcdef"}, r"has no page \w+ of suite 'suite'"),
        ({"votes": [{"pair": 44, "choice": "left", "seconds": 1}]}, "unknown pair 44; .* 0 to 43"),
    ],
)
def test_votes_on_what_was_not_asked_are_refused(
    folder: Path, page: dict, change: dict, message: str
):
    (folder / "odd.json").write_text(json.dumps(votes(page, ["left"]) | change))
    ended = Inside(folder)("vote", "tally", "odd.json")
    assert ended.returncode == 2
    assert re.search(message, ended.stderr)


def test_the_same_votes_are_not_counted_twice(folder: Path, page: dict):
    for name in ("one.json", "copy.json"):
        (folder / name).write_text(json.dumps(votes(page, ["left"])))
    ended = Inside(folder)("vote", "tally", "one.json", "copy.json")
    assert (ended.returncode, "the same votes as one.json" in ended.stderr) == (2, True)


def test_one_voter_counts_once_on_a_page(folder: Path, page: dict):
    first = votes(page, ["left", "right", "tie"]) | {"voter": "Ada L."}
    other = votes(page, ["right", "right", "left"])
    for name, content in {
        "1.json": first,
        "2.json": other | {"voter": " ada l. "},
        "3.json": votes(page, ["left", "right"]),  # saved before the third choice
        "4.json": other | {"voter": "Grace"},
    }.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8-sig")
    again = Inside(folder)("vote", "tally", "1.json", "2.json")
    assert again.returncode == 2
    assert again.stderr.startswith("harness: 2.json: by the same voter, 'ada l.', as 1.json")
    again = Inside(folder)("vote", "tally", "3.json", "1.json")
    assert (again.returncode, "the same votes as 3.json" in again.stderr) == (2, True)
    two = Inside(folder)("vote", "tally", "1.json", "4.json")
    assert two.returncode == 0, two.stderr
    assert "6 votes of 2 voters" in two.stdout


def test_a_voter_without_agreement_on_repeats_is_marked(folder: Path, page: dict):
    """Whoever always takes the left one takes the other picture when a pair comes mirrored."""
    (folder / "leftist.json").write_text(json.dumps(votes(page, ["left"] * 44)))
    counted = Inside(folder)("vote", "tally", "leftist.json")
    assert counted.returncode == 0, counted.stderr
    assert "leftist.json: only 0 of 4 repeated pairs answered alike" in " ".join(
        counted.stdout.split()
    )
    assert Inside(folder)("report", "suite.yaml").returncode == 0
    rows = (folder / "runs/suite/results.csv").read_text()
    assert "1 of 1 ballot answered no more than half of the repeated pairs alike" in rows


def test_on_two_pages_one_voter_is_one(folder: Path, page: dict):
    made = Inside(folder)("vote", "suite.yaml", "--pairs", "10", "--draw", "1", "-o", "two.html")
    assert made.returncode == 0, made.stderr
    html = (folder / "two.html").read_text()
    second = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])
    for name, shown in {"p1.json": page, "p2.json": second}.items():
        content = votes(shown, ["left"] * 4) | {"voter": "Ada"}
        (folder / name).write_text(json.dumps(content))
    counted = Inside(folder)("vote", "tally", "p1.json", "p2.json")
    assert counted.returncode == 0, counted.stderr
    assert "8 votes of 1 voter" in counted.stdout


def test_all_that_a_store_has_is_on_one_leaderboard(folder: Path, page: dict):
    """A trained model, samples from outside, a scored file, and what people said."""
    (folder / "eve.json").write_text(json.dumps(votes(page, ["left"] * 44)))
    assert Inside(folder)("vote", "tally", "eve.json").returncode == 0
    asked = ("score", "dark.npy", "--reference", "digits:test", "--metrics", "fid", "--log")
    assert Inside(folder)(*asked).returncode == 0
    ended = Inside(folder)("leaderboard", "--json", "board.json", "--html", "board.html")
    assert ended.returncode == 0, ended.stderr
    found = json.loads((folder / "board.json").read_text())
    kinds = {entry["entry"]: entry["kind"] for entry in found["entries"]}
    scored = next(name for name, kind in kinds.items() if kind == "scored samples")
    assert "dark.npy" in scored
    assert {name: kind for name, kind in kinds.items() if name != scored} == {
        "bright": "external samples", "dark": "external samples", "autoencoder/conv": "trained",
    }  # fmt: skip
    boards = {board["metric"]: board for board in found["boards"]}
    value = {row["model"]: row["mean"] for row in boards["fid"]["rows"]}
    same = pytest.approx(value[scored], rel=1e-12)
    assert value["dark"] == same, "the same samples by the same protocol"
    people = boards["human_preference"]
    assert people["protocol"].startswith("human_preference[voters=1, votes=40, tally=")
    assert {row["model"] for row in people["rows"]} == {"bright", "dark"}
    assert "human_preference[" in (folder / "board.html").read_text()


def test_there_must_be_two_to_choose_between(folder: Path):
    ended = Inside(folder)("vote", "quickstart")
    assert ended.returncode == 2
    assert "quickstart: not run yet" in ended.stderr
    ended = Inside(folder)("vote", "suite.yaml", "--datasets", "digits[unseen=8]")
    assert ended.returncode == 2
    assert ended.stderr.startswith("harness: suite has nothing to choose between: digits[unseen=8]")


def test_tiles_are_what_a_grid_was_made_of():
    for channels in (1, 3):
        draws = torch.Generator().manual_seed(0)
        images = torch.randint(256, (11, channels, 5, 5), generator=draws).to(torch.uint8)
        assert torch.equal(grid_tiles(grid_png(images, 4), 5)[:11], images)


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
def test_a_voter_in_a_browser(folder: Path, page: dict):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        tab = browser.new_context().new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda said: faults.append(said.text))
        tab.goto((folder / "vote.html").as_uri())
        for key in ("ArrowLeft", "ArrowRight", "Space", "Backspace", "ArrowLeft"):
            tab.keyboard.press(key)
        assert tab.inner_text("#count") == "3 of 44"
        # A page that is opened again, without this tab's history, has what was chosen.
        assert tab.evaluate("history.replaceState(null, ''), kept().length") == 3
        tab.evaluate("keep()")
        tab.reload()  # and one that is loaded again
        assert tab.inner_text("#count") == "3 of 44"
        for _ in range(41):
            tab.click("#right")
        assert tab.is_visible("#done")
        assert not tab.is_visible("#pair")
        tab.fill("#voter", "Ada L.")
        with tab.expect_download() as download:
            tab.click("#save button")
        assert download.value.suggested_filename.startswith("Ada-L-")
        download.value.save_as(folder / "browser.json")
        browser.close()
    assert not faults
    saved = json.loads((folder / "browser.json").read_text())
    assert [vote["choice"] for vote in saved["votes"][:4]] == ["left", "right", "left", "right"]
    refused = Inside(folder)("vote", "tally", "browser.json")
    assert refused.returncode == 2
    assert re.match(r"harness: browser\.json: half of its votes took 0\.\d+ s", refused.stderr)
    for vote in saved["votes"]:
        vote["seconds"] += 1
    (folder / "browser.json").write_text(json.dumps(saved))
    assert Inside(folder)("vote", "tally", "browser.json").returncode == 0
