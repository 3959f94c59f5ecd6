"""Thousands of wrong files and command lines: each is read, or refused in one helpful line."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import random
import resource
import signal
import struct
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mutations
import numpy as np
import pytest
import torch
import yaml
from recorded import noisy, plan_of, results_of
from running import Inside
from stored_runs import cell, fid, gathered, value
from typer.main import get_command

from harness.cli.main import app
from harness.config.claim_files import load_claims
from harness.config.json_files import parse_json
from harness.config.quoted import load_quoted
from harness.config.shipped import shipped_files
from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.core.measurement import tidy
from harness.data.captions import load_captions
from harness.data.imageset import load_images
from harness.leaderboards.standings import standings
from harness.metrics import FeatureStatistics, frechet_distance, load_metric
from harness.plan import check_suite, make_plan
from harness.regression.baseline import checksum_of, load_baseline, to_json
from harness.regression.baseline_from_plan import make_baseline
from harness.regression.gate import open_gate
from harness.report.derivation import decide_claims
from harness.report.publish import asked_claims
from harness.scoring.statistics import Origin, SetStatistics, load_statistics
from harness.vote.ballots import BallotPair, Entrant, Key, ShownSide, check_pairs, read_votes
from harness.vote.tally import Ballot, tally

SECONDS = 20
"""A file that takes longer hangs."""
GIB = 2**30

Read = Callable[[Path], object]


class Hang(BaseException):
    """Raised by the alarm."""


def _ring(signum: int, frame: object) -> None:
    raise Hang


@contextmanager
def bounded() -> Iterator[None]:
    """So many seconds, and a gibibyte more than there is."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + GIB, hard))
    old = signal.signal(signal.SIGALRM, _ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def problem(read: Read, file: Path) -> str | None:
    """What is wrong with how a file was read or refused; None where nothing is."""
    try:
        with bounded():
            read(file)
    except BadInput as error:
        return None if str(error).strip() else "an empty line"
    except (Exception, Hang) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        own = [f for f in traceback.extract_tb(error.__traceback__) if "/harness/" in f.filename]
        at = own[-1] if own else frame
        return f"{type(error).__name__}: {str(error)[:200]} at {at.filename}:{at.lineno}"
    return None


def check_all(cases: Iterator[tuple[int, bytes]], file: Path, read: Read) -> None:
    """Every case is read or refused. What is not is kept beside `file`, and listed."""
    found: Counter[str] = Counter()
    first: dict[str, str] = {}
    for number, data in cases:
        file.write_bytes(data)
        if wrong := problem(read, file):
            found[wrong] += 1
            first.setdefault(wrong, f"case {number}: {data[:400]!r}")
    assert not found, "\n".join(f"{n} × {what}\n    {first[what]}" for what, n in found.items())


def cases(
    kind: str, count: int, values: list[Any], dump: Callable[[Any], bytes]
) -> Iterator[tuple[int, bytes]]:
    """`count` wrong files made from right ones, the same ones every time."""
    for number in range(count):
        rng = random.Random(f"{kind} {number}")
        yield number, mutations.mutated(rng, rng.choice(values), dump)


def yaml_values(folder: str) -> list[Any]:
    return [yaml.safe_load(path.read_text()) for path in shipped_files(folder).values()]


# -- suites, recipes, claims ---------------------------------------------------------------------

CLAIMS = """
- {id: a, statement: S., metric: mse, model: autoencoder/conv, against: vae/vae, delta: 0.1}
- {id: b, statement: S., metric: [mse, psnr], model: vae/vae, below: 3.5, datasets: digits}
- {id: c, statement: S., shape: equivalence, metric: mse, model: vae/vae, against: mine.yaml,
   delta: {mse: 0.2}}
- {id: d, statement: S., shape: monotone, metric: mse, direction: falls,
   models: [autoencoder/conv, vae/vae, mine.yaml]}
- {id: e, statement: S., shape: ordering, metric: mse, models: [vae/vae, autoencoder/conv]}
- {id: f, statement: S., shape: trade-off, model: vae/vae, against: autoencoder/conv, better: [mse],
   same: psnr, delta: {psnr: 1}}
- {id: g, statement: S., shape: correlation, metric: [mse, psnr], above: 0.5,
   models: [{model: vae/vae, at: [0.1, 0.5, 1]}]}
- {id: h, statement: S., shape: spread, metric: mse, model: vae/vae, against: autoencoder/conv}
- {id: i, statement: S., metric: mse, model: {model: vae/vae, at: 0.5}, against: autoencoder/conv,
   failures: lose, over: average, alpha: 0.1}
"""
SUITE = """
title: A suite
description: Of many keys.
seeds: [0, 1, 2]
budget: {images: 640}
datasets: [digits, {name: "digits[unseen=8]", models: [vae/vae], metrics: [mse]}]
models: [autoencoder/conv, vae/vae, mine.yaml]
metrics: [mse, psnr, training_time]
samples: 20
draws: 2
precision: fp32
external: [{name: theirs, dataset: digits, samples: [a.npy, [b.npy, c.npy]]}]
"""
RECIPE = {"extends": "vae/vae", "latent": 8, "optimiser": {"lr": 0.001}, "sampling": {}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("extends: vae/vae\nlatent: 8\n")
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.arange(20 * 16 * 16).reshape(20, 16, 16).astype("u1"))
    return tmp_path


def read_suite(file: Path, planned: bool = True) -> None:
    """As `validate`, `plan` and `claims` do, with numbers of no run."""
    loaded = load_suite(str(file))
    check_suite(loaded)
    if not planned:
        return
    if len(loaded.suite.seeds) * len(loaded.suite.datasets) > 12:
        return
    if {entry.name.partition("[")[0] for entry in loaded.suite.datasets} == {"digits"}:
        plan = make_plan(loaded, "cpu", None)
        table = tidy(results_of(plan, noisy()))
        decide_claims(asked_claims(plan), table, plan.metrics, len(plan.loaded.suite.seeds))


@pytest.mark.slow
def test_suites(folder: Path):
    suite = yaml.safe_load(SUITE) | {"claims": yaml.safe_load(CLAIMS)}
    values = [suite, suite, *yaml_values("suites")]
    check_all(cases("suite", 500, values, mutations.as_yaml), folder / "s.yaml", read_suite)


@pytest.mark.slow
def test_recipes(folder: Path):
    (folder / "s.yaml").write_text(SUITE)
    values = [RECIPE, *yaml_values("models")]
    suite = cases("recipe", 300, values, mutations.as_yaml)
    check_all(suite, folder / "mine.yaml", lambda _: read_suite(folder / "s.yaml", planned=False))


@pytest.mark.slow
def test_claims(folder: Path):
    included = [{"from": "gans", "ids": ["gan-wgan-modes"], "datasets": ["ring"]}]
    values = [
        {"title": "Claims", "claims": [*yaml.safe_load(CLAIMS), *included]},
        *yaml_values("suites/claims"),
    ]
    check_all(cases("claims", 500, values, mutations.as_yaml), folder / "c.yaml", load_claims)


# -- baselines, quoted numbers -------------------------------------------------------------------


@pytest.mark.slow
def test_baselines(folder: Path):
    plan = plan_of(folder)
    results = results_of(plan, noisy())
    value = json.loads(to_json(make_baseline(plan, results)))

    def dump(value: Any) -> bytes:
        if isinstance(value, dict):  # else nothing behind the checksum would be reached
            with contextlib.suppress(TypeError, ValueError, RecursionError):
                value["checksum"] = checksum_of(parse_json(mutations.as_json(value).decode()))
        return mutations.as_json(value)

    def read(file: Path) -> None:
        open_gate(load_baseline(file), plan, {}).check(results)

    check_all(cases("baseline", 400, [value], dump), folder / "b.json", read)


QUOTED = """
quoted:
  - {model: DDPM, dataset: cifar10, metric: fid, value: 3.17, source: "Ho et al. 2020, Table 1",
     images: 102400000, protocol: {extractor: inception-tf2015, samples: 50000, settings: {k: 3}}}
  - {model: DDPM, dataset: digits, metric: mse, value: 9, source: Table 2,
     spread: {kind: sd over seeds, value: 0.11, seeds: 3}}
"""


@pytest.mark.slow
def test_quoted_numbers(folder: Path):
    collected = gathered(
        cell(numbers=(value(1.0, fid()),)), cell(seed=1, numbers=(value(1.1, fid()),))
    )

    def read(file: Path) -> None:
        standings(collected, quotes=load_quoted(file, lambda quote: load_metric(quote.metric)))

    quoted = yaml.safe_load(QUOTED)
    check_all(cases("quoted", 300, [quoted], mutations.as_yaml), folder / "papers.yaml", read)


# -- votes, captions -----------------------------------------------------------------------------


@pytest.mark.slow
def test_votes(folder: Path):
    entrants = tuple(
        Entrant(dataset="digits", model=m, seed=0, run_id=m, training_key=m) for m in "abc"
    )
    pairs = tuple(
        BallotPair(left=ShownSide(entrant=a, sample=0), right=ShownSide(entrant=b, sample=1))
        for a, b in itertools.permutations(range(3), 2)
    )
    key = Key(
        suite="s", entrants=entrants, pairs=(*pairs, pairs[0].model_copy(update={"repeats": 0}))
    )
    choices = itertools.cycle(["left", "right", "tie"])
    votes = {
        "harness_votes": 1, "page": key.page, "run": "ab12", "suite": "s", "voter": "Ada",
        "votes": [{"pair": i, "choice": next(choices), "seconds": 1.5} for i in range(7)],
    }  # fmt: skip

    def read(file: Path) -> None:
        read = read_votes(file)
        check_pairs(read, key, file)
        tally([Ballot(read, key)])

    check_all(cases("votes", 300, [votes], mutations.as_json), folder / "v.json", read)


NAMES = [f"{i}.png" for i in range(3)]


@pytest.mark.slow
def test_captions_of_json_lines(folder: Path):
    rows = [{"file": name, "caption": f"a caption, of {name}"} for name in NAMES]

    def dump(value: Any) -> bytes:
        rows = value if isinstance(value, list) else [value]
        return b"\n".join(mutations.as_json(row) for row in rows)

    check_all(
        cases("jsonl", 200, [rows], dump),
        folder / "c.jsonl",
        lambda file: load_captions(file, NAMES),
    )


@pytest.mark.slow
def test_captions_of_tables(folder: Path):
    text = "file,caption\n" + "".join(f'{name},"a caption, of {name}"\n' for name in NAMES)

    def made() -> Iterator[tuple[int, bytes]]:
        for number in range(150):
            yield number, mutations.broken(random.Random(f"csv {number}"), text.encode())

    check_all(made(), folder / "c.csv", lambda file: load_captions(file, NAMES))


# -- arrays and statistics -----------------------------------------------------------------------


def archive(*pixels: Any, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, *pixels, **arrays)
    return stream.getvalue()


@pytest.mark.slow
def test_arrays(folder: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)
    mu, sigma = np.zeros(4), np.eye(4)
    right = [
        archive(pixels), archive(x=pixels), archive(pixels, mu=mu, sigma=sigma),
        archive(mu=mu, sigma=sigma), archive(mu=mu, sigma=sigma * 1e308),
        archive(mu=mu[:0], sigma=sigma), archive(pixels.astype(object)),
        archive(arr_0=np.array("text")),
    ]  # fmt: skip

    def made() -> Iterator[tuple[int, bytes]]:
        for number in range(300):
            rng = random.Random(f"npz {number}")
            yield number, mutations.broken(rng, rng.choice(right))

    check_all(made(), folder / "x.npz", lambda file: load_images(str(file)))


@pytest.mark.slow
def test_statistics(folder: Path):
    features = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).double()
    made = SetStatistics(
        FeatureStatistics.of(features),
        Origin("folder a", "net@1", "none", "", "3×8×8", "folder a", "ab", "reference"),
        ("ab12",),
    )  # fmt: skip
    made.save(folder / "right.safetensors")
    right = (folder / "right.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", right[:8])
    header, body = json.loads(right[8 : 8 + length]), right[8 + length :]

    def dump(value: Any) -> bytes:
        text = mutations.as_json(value)
        return struct.pack("<Q", len(text)) + text + body

    def read(file: Path) -> None:
        statistics = load_statistics([str(file)]).statistics
        frechet_distance(statistics, made.statistics)

    check_all(cases("statistics", 300, [header], dump), folder / "s.safetensors", read)


# -- very many of one thing ----------------------------------------------------------------------


def many(start: str, part: str, count: int) -> bytes:
    return (start + "".join(part.replace("#", str(i)) for i in range(count))).encode()


HEAD = "title: t\nseeds: [0]\nbudget: {images: 64}\ndatasets: [digits]\nmodels: [vae/vae]\n"
CLAIM = "- {id: c#, statement: S, metric: mse, model: vae/vae, below: 3}\n"
FLOOD = {
    "claims": many(f"{HEAD}metrics: [mse]\nclaims:\n", CLAIM, 8000),
    "wrong claims": many(f"{HEAD}metrics: [mse]\nclaims:\n", CLAIM.replace("mse", "ssim"), 8000),
    "misspelt claims": many(f"{HEAD}metrics: [mse]\nclaims:\n", CLAIM.replace("id", "Id"), 8000),
    "metrics": many(f"{HEAD}metrics:\n", "- m#\n", 40_000),
    "metrics of a claim": many(
        f"{HEAD}metrics: [mse]\nclaims:\n- id: c\n  statement: S\n  model: vae/vae\n  below: 3\n"
        "  metric:\n", "  - m#\n", 40_000,
    ),
    "models of a claim": many(
        f"{HEAD}metrics: [mse]\nclaims:\n- id: c\n  statement: S\n  shape: ordering\n"
        "  metric: mse\n  models:\n", "  - m#\n", 40_000,
    ),
    "seeds": many(f"{HEAD.replace('seeds: [0]', '')}metrics: [mse]\nseeds:\n", "- #\n", 40_000),
    "datasets": many(f"{HEAD.replace('datasets: [digits]', '')}metrics: [mse]\ndatasets:\n",
                     "- d#\n", 20_000),
    "external": many(f"{HEAD}metrics: [mse]\nexternal:\n",
                     "- {name: e#, dataset: digits, samples: a.npy}\n", 10_000),
    "keys": many("", "k#: 1\n", 60_000),
    "nesting": b"a: " + b"[" * 100_000,
    "anchors": many("", "k#: &a# [x]\n", 30_000),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", FLOOD)
def test_very_many_of_one_thing(kind: str, folder: Path):
    file = folder / "s.yaml"
    file.write_bytes(FLOOD[kind])
    assert problem(lambda file: read_suite(file, planned=False), file) is None


# -- command lines -------------------------------------------------------------------------------

VERBS = [
    ["validate", "s.yaml"], ["claims", "s.yaml"], ["report", "s.yaml"], ["compare", "a", "b"],
    ["leaderboard"], ["schema", "suite"], ["list", "suites"], ["baseline", "save", "s.yaml"],
    ["check", "s.yaml", "--no-run"], ["vote", "tally", "v.json"], ["data", "show", "digits"],
    ["score", "a.npy"], ["vote", "page", "s.yaml"], ["data", "verify", "digits"],
]  # fmt: skip
WORDS = [
    "", " ", "0", "-1", "0-99999999999", "9" * 5000, "1e308", "nan", "inf", "0,1", "4-1", "s.yaml",
    "a.npy", "none.yaml", "/", ".", "/dev/null", "/proc/x", "s.yaml/x", "a" * 300, "a" * 5000,
    "\udc80", "\x1b[31m", "é", "os.path:join", ".:x", "digits", "digits[unseen=99]", "digits[",
    "mse", "fid=5%", "mse=-1", "mse=1e308", "mse=", "cuda:99", "auto", "sqlite:///", "sqlite:x.db",
    "sqlite:///s.yaml", "http://127.0.0.1:1", "http://", "ftp://a", "file:///tmp/none", "a://b",
    "2026-01-01", "--", "-", "gan/dcgan", "vae/vae@digits",
]  # fmt: skip


def options_of(verb: list[str]) -> list[str]:
    command: Any = get_command(app)
    for name in verb:
        command = getattr(command, "commands", {}).get(name, command)
    return [option for parameter in command.params for option in parameter.opts if "-" in option]


def command_line(number: int) -> list[str]:
    rng = random.Random(f"command line {number}")
    verb = list(rng.choice(VERBS))
    known, line = options_of(verb), verb
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        line = [*line, rng.choice([*known, "--nonsense"]), rng.choice(WORDS)]
    if rng.random() < 0.3:
        line[rng.randrange(len(line))] = rng.choice(WORDS)
    return line


@pytest.mark.slow
def test_command_lines(folder: Path):
    """Each ends by itself, in a code that is no fault of the harness, and without a traceback."""
    (folder / "s.yaml").write_text(SUITE)
    (folder / "v.json").write_text("{}")
    ended: Counter[int] = Counter()
    wrong = []
    for number in range(150):
        line = command_line(number)
        with bounded():
            answer = Inside(folder)(*line)
        ended[answer.returncode] += 1
        if answer.returncode not in (0, 2, 3, 75) or "Traceback" in answer.stderr + answer.stdout:
            said = (answer.stderr or answer.stdout)[-300:]
            wrong.append(f"{number}: {[word[:40] for word in line]}: {answer.returncode}: {said}")
    assert not wrong, "\n".join(wrong)
    assert {0, 2} <= ended.keys()
