"""Every command of README and docs is run, on a fresh store, on a finished one, and on one that has
two budgets; and every option that a page names exists.

Commands are found in the pages: lines of fences, and code within lines, that begin with `harness`.
What stands in capitals or with an ellipsis is a form and no command: its verb and options must
exist. Suites and recipes are those of the package with budgets that take seconds.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.main import get_command

from harness.cli.main import app
from harness.data import load_dataset

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.name != "CHANGELOG.md"]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`((?:python -m )?harness(?: [^`\n]+)?)`")
FORM = re.compile(r"…|\.\.\.|(?<![\w/.$-])[A-Z]{1,}(?![\w/-])|\bn$")
"""A placeholder: SUITE, FILE, HOST, an ellipsis."""

EXCEPTIONS = {
    r"--engine ray": "needs a Ray cluster",
    r"--tracking-uri https?:": "needs a server",
    r"^harness export (?!.*--plain)": "needs rocrate and mlcroissant; tests/report has both",
    r"--claim gan-faster": "a claim of the whole quickstart; tests/cli takes another",
    r"^harness extractor fetch": "needs the network",
    r"^harness extractor train": "trains for minutes; tests/extractors runs it",
    r"^harness metrics selftest": "measures for minutes; tests/cli runs it",
    r"^harness compare 3f9c1b": "the ids of a reader's own runs",
    r"--captions prompts.csv": "needs the weights of CLIP, from the network",
    r"imagenet256.npz|--profile|--resize": "needs the weights of Inception, from the network",
    r"intra_fid": "takes samples with labels; tests/score runs it",
    r"score (my-pipeline|digits-ddpm|hf:)": "needs diffusers; tests/families runs one",
    r"score (generator|net)\.|package\.module:": "a reader's own model; tests/families has such",
    r"score autoencoder\.": "a reader's own model; tests/cli scores such",
    r"run:RUN_ID": "the id of a reader's own run; tests/cli scores one",
    r"^harness reconcile (samples|decoded)": "a paper's number on one's own samples; tests/cli "
    "runs it",
    r"^harness check (quantised|my-pipeline|small|generators)": "one's own; test_examples has some",
    r"data show 'hf:": "needs the network",
    r"data show 'torchvision:": "a reader's own files; tests/data has such",
    r"^harness detect gan/": "a reader's own samples; tests/cli runs it",
    r"--install-completion": "changes the files of a shell",
    r"--processes 4": "needs four GPUs",
    r'"\$@"': "a line of a workflow, whose other forms stand beside it",
}
"""Commands that are not run, by what they have in common, with the reason."""

WHOLE_SUITES = "claims.md"
"""The page whose commands each run a whole suite, as published; tests of suites validate these."""

ELSEWHERE = {
    "mnist": "quickstart", "cifar10": "quickstart", "cifar10:test": "digits:test",
    "mnist:test": "digits:test",
}  # fmt: skip
"""What a command names that takes a download, and what is built in and takes its place."""

FRESH = ("not run yet", "there is no tracking store", "there is no such cell",
         "nothing has been measured",
         "is not among what was measured", "is not on the leaderboard", "no 'gan/dcgan' on digits",
         "baseline.json: cannot be read", "has no page 0", "has no report.json")  # fmt: skip
"""How a command may end in 2 before anything was run."""

STORED = ("run", "report", "claims", "plan", "check", "baseline", "leaderboard", "compare", "vote",
          "forget", "unlogged", "export", "badge")  # fmt: skip
"""The verbs whose commands read or write a tracking store."""

QUICK = """\
title: A suite of a reader
seeds: [0, 1, 2]
budget: {images: 64}
samples: 40
datasets: [digits]
models: [vae/vae, gan/dcgan]
metrics: [fid, recall]
claims:
  - {id: c, statement: S., metric: fid, model: vae/vae, against: gan/dcgan}
"""


def commands(page: Path, examples: bool = True) -> list[str]:
    """What a page tells its readers to type, in its order; without `examples` not what fences of
    that name have, which tests/docs/test_examples.py runs.
    """
    text = page.read_text(encoding="utf-8")
    found = []
    for words, body in FENCE.findall(text):
        for line in (
            body.replace("\\\n", " ").splitlines() if examples or "example" not in words else ()
        ):
            parts = (part.strip().removeprefix("python -m ") for part in re.split(r"&&|\|", line))
            found += [re.sub(r"\s+#.*", "", p) for p in parts if re.match(r"harness\s", p)]
    spans = (span.replace("\\|", "|") for span in SPAN.findall(FENCE.sub("", text)))
    found += [re.split(r"\s\|+\s", span)[0].removeprefix("python -m ") for span in spans]
    return list(dict.fromkeys(found))


def is_form(command: str) -> bool:
    """Whether it shows how commands look: with placeholders, or a verb alone that needs more."""
    return bool(FORM.search(command)) or not _is_whole(command)


def _is_whole(command: str) -> bool:
    verb, rest = _verb(shlex.split(re.sub(r"\s[<>|].*", "", command))[1:])
    if hasattr(verb, "commands"):
        return False
    named = [word for word in rest if not word.startswith("-")]
    needed = [p for p in verb.params if p.required and p.param_type_name == "argument"]
    asked = [p for p in verb.params if p.required and p.param_type_name == "option"]
    return (bool(named) or not needed) and all(set(p.opts) & set(rest) for p in asked)


def _verb(words: list[str]) -> tuple[Any, list[str]]:
    verb: Any = get_command(app)
    while words and words[0] in getattr(verb, "commands", {}):
        verb, words = verb.commands[words[0]], words[1:]
    if hasattr(verb, "commands") and "page" in verb.commands:  # `vote SUITE`
        verb = verb.commands["page"]
    return verb, words


def excepted(command: str) -> bool:
    return any(re.search(pattern, command) for pattern in EXCEPTIONS)


def runnable(page: Path) -> list[str]:
    if page.name == WHOLE_SUITES:
        return []
    return [c for c in commands(page) if not is_form(c) and not excepted(c)]


ALL = [(page, command) for page in PAGES for command in commands(page)]


def test_there_are_commands_and_every_exception_is_of_one():
    assert sum(len(runnable(page)) for page in PAGES) > 40
    for pattern in EXCEPTIONS:
        assert any(re.search(pattern, command) for _, command in ALL), f"{pattern}: of no page"


@pytest.mark.parametrize(("page", "command"), ALL, ids=[f"{p.name}: {c}" for p, c in ALL])
def test_the_verb_and_the_options_of_a_page_exist(page: Path, command: str):
    words = shlex.split(re.sub(r"[<>|].*", "", command))[1:]
    verb, rest = _verb(words)
    known = {option for parameter in verb.params for option in parameter.opts}
    known |= {option for parameter in verb.params for option in parameter.secondary_opts}
    known |= {"--help", "--debug", "--version", "--install-completion"}
    for word in rest:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known, f"{page.name}: {command}"
    if rest and verb is get_command(app):
        assert rest[0].startswith(("-", "…")), f"{page.name}: there is no verb {rest[0]}"


# -- on three stores ------------------------------------------------------------------------

RUN = """
import contextlib, io, json, os, shlex, sys, traceback
from harness.cli.main import main

for line in sys.stdin:
    folder, command = json.loads(line)
    os.chdir(folder)
    sys.argv = shlex.split(command)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            code, _ = 99, err.write(traceback.format_exc())
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    print(json.dumps([code, *said]), flush=True)
"""


class Shell:
    """Runs commands one after the other in another process, which starts once."""

    def __init__(self, shipped: Path) -> None:
        patch = (
            "from pathlib import Path\nfrom harness.config import shipped\n"
            f"shipped._PACKAGE = Path({str(shipped / 'harness')!r})\n"
        )
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", patch + RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
            env=environment | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def __call__(self, folder: Path, command: str) -> tuple[int, str, str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([str(folder), command]) + "\n")
        self._process.stdin.flush()
        return tuple(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The package's suites and recipes, with budgets and samplers that take seconds."""
    shipped = tmp_path_factory.mktemp("shipped")
    shutil.copytree(ROOT / "models", shipped / "models")
    shutil.copytree(ROOT / "suites", shipped / "suites")
    suite = yaml.safe_load((ROOT / "suites/quickstart.yaml").read_text(encoding="utf-8"))
    suite |= {"seeds": [0, 1, 2], "budget": {"images": 1280}, "samples": 40}
    suite["metrics"] = ["fid", "recall", "coverage", "mse", "training_time", "sampling_throughput",
                        "sharpness"]  # fmt: skip
    suite["claims"] = [
        {"id": "better", "statement": "S.", "metric": "fid", "model": "vae/vae",
         "against": "gan/dcgan"},
    ]  # fmt: skip
    suite["models"] = ["gan/dcgan", "vae/vae"]
    (shipped / "suites/quickstart.yaml").write_text(yaml.safe_dump(suite))
    shell = Shell(shipped)
    yield shell
    shell.close()


def files_of_a_reader(folder: Path) -> None:
    """What commands name that a reader has."""
    for name in ("my-suite", "mine", "suite", "guarded"):
        (folder / f"{name}.yaml").write_text(QUICK)
    images = load_dataset("digits").test.images[:200].permute(0, 2, 3, 1).numpy()
    for number, name in enumerate(("draw1", "draw2", "draw3", "1", "2", "3", "samples")):
        np.savez(folder / f"{name}.npz", images[20 * number : 20 * number + 60])
    for voter in ("ada", "grace"):  # of a page that is not of this store
        vote = {"pair": 0, "choice": "left", "seconds": 1}
        content = {"harness_votes": 1, "page": "0", "run": "0", "suite": "quickstart",
                   "voter": voter, "votes": [vote]}  # fmt: skip
        (folder / f"{voter}-1a2b3c4d.json").write_text(json.dumps(content))
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "reports" / "contractive", folder / "reports" / "contractive")
    for name in ("samples", "real", "a", "b", "shard1", "decoded", "originals"):
        save(images[:60], folder / name, "{:02d}.png")
    for name in ("sr", "hr"):
        colours = images[:9].repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3)
        save(colours, folder / name, "{:02d}.png")
    save(images[:60], folder / "out", "{:02d}_fake.png")
    save(images[60:120], folder / "out", "{:02d}_real.png")
    shutil.make_archive(str(folder / "real"), "zip", folder / "real")
    for name in ("decoded", "original"):
        Image.fromarray(images[0].squeeze()).save(folder / f"{name}.png")


def save(images: np.ndarray, folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / name.format(number))


def prepared(folder: Path, page: Path) -> None:
    """Puts the files of a page, those that its fences have a title for, into a folder."""
    for words, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if title := re.search(r"title=(\S+)", words):
            file = folder / title[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(body)


def typed(command: str) -> str:
    """The command as it is run here: what takes a download is replaced, cells run in one process,
    and what a shell would do is left out.
    """
    words = [ELSEWHERE.get(word, word) for word in shlex.split(re.sub(r"\s[<>|].*", "", command))]
    if words[1:3] == ["data", "show"]:
        words = ["digits" if word == "quickstart" else word for word in words]
    if words[1] in ("run", "check", "plan"):
        words += ["--jobs", "1"]
    if words[1] == "score" and not words[2].endswith(".safetensors"):
        words += ["--extractor", "classifier:digits"]
        words += ["--perceptual", "classifier:digits"] * ("--pairs" in words)
    return shlex.join(words)


def reads_the_store(command: str) -> bool:
    verb = shlex.split(command)[1]
    return "--output" not in command and ("--log" in command or verb in STORED)


def is_run_on_store(command: str, page: Path, is_fresh: bool) -> bool:
    """Whether a command is run on a fresh store, or on one that has runs. With a run the store is
    fresh no more. What reads none is the same with all, and is run once: here, or as an example of
    its page in tests/docs/test_examples.py.
    """
    if reads_the_store(command):
        return not (is_fresh and command.startswith("harness run"))
    return is_fresh and command in commands(page, examples=False)


def check(shell: Shell, folder: Path, is_fresh: bool, but: str = "") -> list[str]:
    """Runs the commands of all pages, each once and none with the words `but`; what went wrong."""
    wrong: list[str] = []
    done: set[str] = set()
    for page in PAGES:
        prepared(folder, page)
        for command in runnable(page):
            if typed(command) in done or not is_run_on_store(command, page, is_fresh):
                continue
            if but and re.search(but, command):
                continue
            done.add(typed(command))
            if not is_fresh:
                ready(shell, folder, command)
            code, out, err = shell(folder, typed(command))
            early = is_fresh and code == 2 and any(why in err for why in FRESH)
            undecided = command.startswith("harness check") and code in (3, 4)
            if (code and not early and not undecided) or "Traceback" in out + err:
                wrong.append(f"{page.name}: {command}: exit {code}\n{err[-600:] or out[-600:]}")
            if early and err.count("\n") != 1:
                wrong.append(f"{page.name}: {command}: not one line\n{err}")
    return wrong


def ready(shell: Shell, folder: Path, command: str) -> None:
    """What a reader of the page has done before: the suite was run, its baseline saved."""
    verb, *words = shlex.split(typed(command))[1:]
    if verb in ("claims", "report", "vote", "check") and words[0].endswith(".yaml"):
        code, out, err = shell(folder, f"harness run {words[0]} --jobs 1")
        assert code == 0, out + err
    if verb == "check":
        code, out, err = shell(folder, f"harness baseline save {words[0]} -o baseline.json")
        assert code == 0, out + err


def votes(folder: Path, voter: str) -> None:
    """What a voter saves who likes what is on the left."""
    page = json.loads(re.search(r'id="data">(.*?)</script>', (folder / "vote.html").read_text())[1])
    choices = [{"pair": i, "choice": "left", "seconds": len(voter) + i} for i in range(20)]
    content = {"harness_votes": 1, **{name: page[name] for name in ("page", "run", "suite")},
               "voter": voter, "votes": choices}  # fmt: skip
    (folder / f"{voter}-1a2b3c4d.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def finished(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the quickstart, and the suites of a reader, were run."""
    folder = tmp_path_factory.mktemp("finished")
    files_of_a_reader(folder)
    for command in ("run quickstart --jobs 1", "vote quickstart"):
        code, out, err = shell(folder, f"harness {command}")
        assert code == 0, out + err
    for voter in ("ada", "grace"):
        votes(folder, voter)
    return folder


@pytest.mark.slow
def test_on_a_fresh_store(shell: Shell, tmp_path: Path):
    files_of_a_reader(tmp_path)
    assert not check(shell, tmp_path, is_fresh=True)


@pytest.mark.slow
def test_on_a_finished_store(shell: Shell, finished: Path):
    assert not check(shell, finished, is_fresh=False)


@pytest.mark.slow
def test_on_a_store_with_two_budgets(shell: Shell, finished: Path):
    code, out, err = shell(finished, "harness run quickstart --budget 32 --jobs 1")
    assert code == 0, out + err
    one_budget = r"\b(suite|guarded)\.yaml"  # the store has only their earlier budget
    assert not check(shell, finished, is_fresh=False, but=one_budget)
