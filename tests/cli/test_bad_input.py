"""What a user can put right: exit code 2, one helpful line, no traceback, nothing half-written."""

import gzip
from pathlib import Path

import pytest

from harness.cli.main import main

SUITE = """\
title: A suite
seeds: [0]
budget: {images: 64}
datasets: [digits]
models: [vae/vae]
metrics: [mse]
"""


class Answer:
    def __init__(self, code: int, err: str, folder: Path) -> None:
        self.code, self.err, self.folder = code, err, folder


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: str, **files: str) -> Answer:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Answer(int(ended.value.code or 0), capsys.readouterr().err, tmp_path)

    return call


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty places for weights, and no network."""

    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable, raising=False)


def check(answer: Answer, *expected: str) -> None:
    assert answer.code == 2
    assert answer.err.startswith("harness: ")
    assert answer.err.count("\n") == 1, answer.err
    for words in expected:
        assert words in answer.err
    assert not (answer.folder / "runs").exists(), "something was written"


@pytest.mark.parametrize(
    ("old", "new", "line", "hint"),
    [
        ("vae/vae", "vae/vea", 5, "did you mean 'vae/vae'"),
        ("[mse]", "[mes]", 6, "did you mean 'mse'"),
        ("[digits]", "[digit]", 4, "did you mean 'digits'"),
        ("seeds:", "seed:", 2, "seeds"),
        ("images: 64", "images: many", 3, "many"),
        ("[digits]", '["digits[unseen=12]"]', 4, "12"),
        ("budget:", "extractor: inceptoin\nbudget:", 3, "did you mean 'inception'"),
    ],
)
def test_a_wrong_word_in_a_suite(harness, old: str, new: str, line: int, hint: str):
    text = SUITE.replace(old, new).replace("[mse]", "[fid]" if "extractor" in new else "[mse]")
    check(harness("run", "s.yaml", s=text), f"s.yaml:{line}: ", hint)


@pytest.mark.parametrize("key", ["extractor", "perceptual"])
@pytest.mark.parametrize("name", ["inceptoin", "'os.path:join'", "'.:x'", "'a..b:c'", "no.such:x"])
def test_a_network_that_is_none_is_found_without_data(harness, key: str, name: str):
    text = SUITE.replace("budget:", f"{key}: {name}\nbudget:")
    check(harness("validate", "s.yaml", "--trust", s=text), "s.yaml:3: ", name.strip("'"))


def test_a_suite_that_is_not_yaml(harness):
    check(harness("run", "s.yaml", s="title: [unclosed\nseeds: 1"), "s.yaml:")


def test_a_suite_that_does_not_exist(harness):
    check(harness("run", "quickstrat"), "did you mean 'quickstart'")
    check(harness("run", "none.yaml"), "none.yaml")


def test_a_recipe_that_extends_itself(harness):
    answer = harness(
        "run", "s.yaml", s=SUITE.replace("vae/vae", "mine.yaml"), mine="extends: mine.yaml\n"
    )
    check(answer, "mine.yaml:1", "extends itself", "mine → mine")


def test_a_recipe_with_an_unknown_setting_names_the_line_of_the_recipe(harness):
    mine = "extends: vae/vae\nlatnet: 3\n"
    check(
        harness("run", "s.yaml", s=SUITE.replace("vae/vae", "mine.yaml"), mine=mine),
        "mine.yaml:2: ", "latnet", "did you mean 'latent'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("latent: 1000000000000000000", "latent is 1,000,000,000,000,000,000, and no model"),
        ("network: mlp\ndepth: 10000000000", "depth: 10000000000: should be less than or equal to"),
        ("latent: " + "9" * 5000, "a number of 5,000 digits"),
    ],
)
def test_sizes_that_no_model_has(harness, setting: str, said: str):
    mine = f"extends: vae/vae\n{setting}\n"
    check(harness("validate", "s.yaml", s=SUITE.replace("vae/vae", "mine.yaml"), mine=mine), said)


def test_missing_weights_come_with_what_works_offline(harness, no_weights):
    text = SUITE.replace("[mse]", "[fid, lpips]")
    needed = "budget:", "extractor: inception\nperceptual: lpips:vgg\nbudget:"
    check(
        harness("run", "s.yaml", s=text.replace(*needed)),
        "s.yaml:3: ", "are not on this machine", "or measure with --extractor classifier:digits",
    )  # fmt: skip
    arguments = ("--extractor", "classifier:digits")
    check(
        harness("run", "s.yaml", *arguments, s=text.replace(*needed)),
        "vgg16", "or measure with --perceptual classifier:digits",
    )  # fmt: skip
    check(harness("run", "s.yaml", "--extractor", "dinov2", s=text), "of dinov2 are not on")


def test_fetching_what_cannot_be_had(harness, no_weights):
    check(harness("extractor", "fetch", "inception"), "weights-inception", "put https://")
    check(harness("extractor", "fetch", "incepton"), "did you mean 'inception'")
    answer = harness("extractor", "fetch", "lpips:alex", "classifier:digits", "dinov2:a/b")
    assert answer.code == 2
    alex, dinov2, last = answer.err.splitlines()
    assert "alexnet" in alex
    assert "of dinov2:a/b are not" in dinov2
    assert last == "harness: 2 of 3 networks not ready: lpips:alex, dinov2:a/b"


def test_a_device_that_is_not_there(harness):
    check(harness("run", "s.yaml", "--device", "cuda:9", s=SUITE), "cuda:9", "cpu")


def test_a_model_that_the_suite_lacks_on_the_command_line(harness):
    check(harness("run", "s.yaml", "--models", "gan/dcgan", s=SUITE), "gan/dcgan")
    check(harness("run", "s.yaml", "--seeds", "4-1", s=SUITE), "4-1")


def test_a_data_file_cut_short(harness, tmp_path: Path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images", "t10k-images"):
        (raw / f"{name}-idx3-ubyte").write_bytes(b"\0\0\x08\x03 and no more")
    for name in ("train-labels", "t10k-labels"):
        (raw / f"{name}-idx1-ubyte").write_bytes(gzip.compress(b""))
    suite = SUITE.replace("digits", "mnist")
    answer = harness("run", "s.yaml", "--data-root", str(tmp_path), s=suite)
    check(answer, "-ubyte", "MNIST")


def test_claims_about_what_the_suite_lacks(harness):
    claim = "claims:\n  - {id: c, statement: S., metric: fid, model: vae/vae, against: gan/dcgan}\n"
    check(harness("validate", "s.yaml", s=SUITE + claim), "s.yaml:8: ", "gan/dcgan")


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("extends: diffusion/ddpm\nsampling: {steps: 2000}", "at most timesteps, 1000"),
        ("extends: diffusion/ddpm\nsampling: {guidance: 2}", "it goes with condition_dropout"),
        ("extends: diffusion/ddpm-classifier-guidance-4\nconditional: false", "asked for no class"),
        ("family: latent-diffusion\nwidth: 2", "autoencoder is missing"),
        ("extends: diffusion/distilled-1-step\nteacher_steps: 12", "halved once or more"),
    ],
)
def test_settings_of_diffusion_that_make_no_sense_name_the_recipe(harness, recipe, said):
    text = SUITE.replace("vae/vae", "mine.yaml").replace("mse", "fid")
    mine = f"description: Wrong.\n{recipe}\n"
    check(harness("validate", "s.yaml", s=text, mine=mine), "mine.yaml:", said)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (
            "extends: diffusion/ddpm\nunet: {multipliers: [1, 1, 1, 1, 1, 1]}",
            "images of 16×16 pixels: a U-Net of 6 resolutions takes multiples of 32",
        ),
        (
            "extends: diffusion/latent\nautoencoder: {factor: 3}",
            "factor 3 for images of 16×16 pixels",
        ),
        ("extends: diffusion/super-resolution", "its images are not to be made from others"),
    ],
)
def test_images_that_a_network_does_not_take_name_the_suites_line(harness, recipe, said):
    text = SUITE.replace("vae/vae", "mine.yaml").replace("mse", "fid")
    answer = harness("plan", "s.yaml", s=text, mine=f"description: Wrong.\n{recipe}\n")
    assert answer.code == 2
    line = answer.err.splitlines()[-1]
    assert line.startswith("harness: s.yaml:5: mine.yaml on digits: ")
    assert said in line
