"""What `harness score` takes for a side, and the settings that a user asks for."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from harness.cli.main import main
from harness.data import load_dataset
from harness.extractors import load_extractor
from harness.metrics import Subsets, frechet_distance, kernel_distances

DIGITS = load_dataset("digits").train.images[:, 0].numpy()
OWN = ("--extractor", "classifier:digits", "--device", "cpu")
RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (5, 24, 20, 3), dtype=np.uint8)
NOISY = np.clip(COLOUR + RANDOM.integers(-20, 21, COLOUR.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def folder(path: Path, images: np.ndarray, form: str = "{:03d}.png") -> Path:
    path.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / form.format(i))
    return path


def rows(out: str) -> dict[str, dict]:
    return {row["metric"]: row for row in json.loads(out)["rows"]}


def features(images: np.ndarray) -> torch.Tensor:
    return load_extractor("classifier:digits").extract(torch.from_numpy(images[:, None])).pooled


def test_a_zip_archive_is_the_folder_that_was_packed(call, tmp_path):
    packed = folder(tmp_path / "a", DIGITS[:60])
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(packed.iterdir(), reverse=True):
            archive.write(file, f"inner/{file.name}")
        archive.writestr("__MACOSX/inner/._000.png", b"x")
        archive.writestr("inner/notes.txt", "x")
    options = ("--reference", "digits:test", "--metrics", "fid", *OWN, "--json", "-")
    found = [call(str(where), *options) for where in ("a", "a.zip")]
    assert [code for code, *_ in found] == [0, 0], found
    one, other = (rows(out)["fid"] for _, out, _ in found)
    assert one == other
    assert "samples: archive a.zip, 60 images 1×16×16; 1 other file left out" in found[1][2]


@pytest.mark.parametrize(
    ("member", "data", "words"),
    [
        ("a.gif", b"x", "bad.zip/a.gif: is an image (GIF) that is not read"),
        ("a.png", b"no", "bad.zip/a.png: not an image"),
        ("a.txt", b"no", "bad.zip: no images in it"),
        (
            "../a.png",
            b"no",
            "bad.zip: 1 of 1 member with .. in the name, such as ../a.png; these "
            "point outside the archive and are not read",
        ),
        ("..\\a.png", b"no", "bad.zip: 1 of 1 member with .. in the name"),
        ("x/../../a.txt", b"no", "bad.zip: 1 of 1 member with .. in the name"),
    ],
)
def test_what_is_wrong_in_an_archive_is_named(call, tmp_path, member, data, words):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(member, data)
    for sides in (("bad.zip", "--reference", "digits:test"), ("digits:test", "--train", "bad.zip")):
        code, out, err = call(*sides)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"harness: {words}")


def test_what_is_no_archive_is_refused(call, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"no")
    code, _, err = call("bad.zip")
    assert code == 2
    assert err.startswith("harness: bad.zip: not a zip archive, or damaged")


def test_two_files_are_one_pair(call, tmp_path):
    Image.fromarray(COLOUR[0]).save(tmp_path / "ours.png")
    Image.fromarray(NOISY[0]).save(tmp_path / "truth.bmp")
    code, out, err = call("ours.png", "--reference", "truth.bmp", "--json", "-")
    assert code == 0, err
    found = rows(out)
    error = np.mean((COLOUR[0] / 255 - NOISY[0] / 255) ** 2)
    assert found["mse"]["value"] == pytest.approx(error)
    assert found["mse"]["stderr"] is None
    assert found["lpips"]["status"] == "not applicable"
    code, _, err = call("ours.png", "--reference", "digits:test")
    assert code == 2
    assert "1 image; a set needs at least 2" in err


def test_pairs_by_pattern_are_named_by_what_stars_stand_for(call, tmp_path):
    folder(tmp_path / "out", COLOUR, "{:03d}_fake_B.png")
    folder(tmp_path / "out", NOISY, "{:03d}_real_B.png")
    sides = ("out/*_fake_B.png", "--reference", "out/*_real_B.png", "--pairs", "--metrics", "mse")
    code, out, err = call(*sides, "--json", "-")
    assert code == 0, err
    error = np.mean((COLOUR / 255 - NOISY / 255) ** 2)
    assert rows(out)["mse"]["value"] == pytest.approx(error)
    (tmp_path / "out" / "002_real_B.png").unlink()
    code, _, err = call(*sides)
    assert code == 2
    assert "1 of 5 images without a partner in out/*_real_B.png" in err
    assert "002.png" in err
    code, _, err = call("out/*_gone.png", "--reference", "digits:test")
    assert (code, err) == (2, "harness: out/*_gone.png: no file has such a name\n")


def test_stars_in_folders_are_part_of_the_name(call, tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        folder(tmp_path / name / "gt", COLOUR, "{:d}.png")
        folder(tmp_path / name / "sr", NOISY, "{:d}x2.png")
    code, out, err = call(
        "*/sr/*x2.png", "--reference", "*/gt/*.png", "--pairs", "--metrics", "mse", "--json", "-"
    )
    assert code == 0, err
    assert rows(out)["mse"]["protocol"]["samples"] == 10


def test_y_channel_and_border_are_those_of_super_resolution(call, tmp_path):
    a, b = folder(tmp_path / "sr", COLOUR), folder(tmp_path / "hr", NOISY)
    code, out, err = call(
        str(a), "--reference", str(b), "--pairs", "--metrics", "psnr,ssim,mse", "--y-channel",
        "--crop-border", "4", "--json", "-",
    )  # fmt: skip
    assert code == 0, err
    inner = [rgb2ycbcr(x)[..., 0][:, 4:-4, 4:-4] for x in (COLOUR, NOISY)]
    errors = np.array([np.mean((x - y) ** 2) for x, y in zip(*inner, strict=True)])
    found = rows(out)
    assert found["psnr"]["value"] == pytest.approx(np.mean(10 * np.log10(255**2 / errors)))
    similar = [
        structural_similarity(
            x, y, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip(*inner, strict=True)
    ]
    assert found["ssim"]["value"] == pytest.approx(np.mean(similar), abs=1e-9)
    assert found["psnr"]["protocol"]["settings"] == {"channel": "Y-bt601", "border": 4}
    assert found["mse"]["protocol"]["settings"] == {"border": 4}
    cut = (COLOUR / 255 - NOISY / 255)[:, 4:-4, 4:-4]
    assert found["mse"]["value"] == pytest.approx(np.mean(cut**2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--crop-border", "7"), "ssim: needs images of at least 25 pixels a side, not 24×20"),
        (("--crop-border", "-1"), "-1 pixels cannot be left out"),
        (("--metrics", "mse", "--y-channel"), "--y-channel is for psnr, ssim, none of which"),
        (("--profile", "piq", "--y-channel"), "--y-channel does not go with --profile"),
        (("--kid-subset-size", "10"), "--kid-subset-size is for kid, kid_rbf, none of which"),
        (("--resize", "16:sinc"), "unknown filter 'sinc'"),
        (("--resize", "big"), "size=big; a number of pixels"),
        (("--name", "a", "--name", "b"), "--name is given 2 times and there is 1 set"),
    ],
)
def test_a_setting_that_cannot_be_followed(call, tmp_path, options, words):
    a, b = folder(tmp_path / "sr", COLOUR), folder(tmp_path / "hr", NOISY)
    metrics = () if "--metrics" in options else ("--metrics", "psnr,ssim")
    code, out, err = call(str(a), "--reference", str(b), "--pairs", *metrics, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_grey_pairs_have_no_y_channel(call, tmp_path):
    a, b = folder(tmp_path / "a", DIGITS[:9]), folder(tmp_path / "b", DIGITS[9:18])
    code, _, err = call(str(a), "--reference", str(b), "--pairs", "--y-channel")
    assert code == 2
    assert "--y-channel is of RGB images" in err


def test_the_size_of_kids_subsets(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS[:100])
    np.save(tmp_path / "b.npy", DIGITS[300:420])
    sides = ("a.npy", "--reference", "b.npy", "--metrics", "kid", *OWN)
    code, out, err = call(*sides, "--kid-subset-size", "80", "--json", "-")
    assert code == 0, err
    values = kernel_distances(features(DIGITS[:100]), features(DIGITS[300:420]), Subsets(size=80))
    found = rows(out)["kid"]
    assert found["value"] == pytest.approx(float(values.mean()), rel=1e-6)
    assert found["protocol"]["settings"]["subset_size"] == 80
    code, _, err = call(*sides, "--kid-subset-size", "101")
    assert code == 2
    assert "kid: needs at least 101 samples, not 100" in err


def test_images_are_resized_on_request_and_the_label_says_how(call, tmp_path):
    large = np.stack([np.asarray(Image.fromarray(x).resize((40, 40))) for x in DIGITS[:60]])
    folder(tmp_path / "large", large)
    Image.fromarray(np.concatenate([large[0]] * 2)).save(tmp_path / "large" / "000.png")
    sides = ("large", "--reference", "digits:test", "--metrics", "fid", "--device", "cpu")
    code, _, err = call(*sides)
    assert code == 2
    assert "none is resized" in err
    code, out, err = call(*sides, "--resize", "16:lanczos", "--json", "-")
    assert code == 0, err
    found = rows(out)["fid"]
    assert found["protocol"]["settings"] == {"resize": "16-lanczos"}
    assert found["protocol"]["dataset"] == "digits"
    assert "samples resized to 16×16 from 2 sizes, such as 40×40" in found["reason"]
    first = np.concatenate([large[0]] * 2)[20:60]
    small = [
        np.asarray(Image.fromarray(x).resize((16, 16), Image.Resampling.LANCZOS))
        for x in (first, *large[1:])
    ]
    test = load_dataset("digits").test.images[:, 0].numpy()
    distance = frechet_distance(features(np.stack(small)), features(test))
    assert found["value"] == pytest.approx(distance, rel=1e-6)
    np.save(tmp_path / "few.npy", DIGITS[100:140])
    few = ("large", "--reference", "few.npy", "--metrics", "fid", "--device", "cpu")
    code, out, err = call(*few, "--extractor", "random:resnet18", "--resize", "64", "--json", "-")
    assert code == 0, err
    reason = rows(out)["fid"]["reason"]
    assert "reference images enlarged to 64×64 from 16×16" in reason


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_mu_and_sigma_are_a_reference(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS[:150])
    real = features(DIGITS[300:700]).double().numpy()
    np.savez(tmp_path / "real.npz", mu=real.mean(0), sigma=np.cov(real, rowvar=False))
    code, out, err = call("a.npy", "--reference", "real.npz", *OWN, "--json", "-")
    assert code == 0, err
    found = rows(out)["fid"]
    expected = frechet_distance(features(DIGITS[:150]), torch.from_numpy(real).float())
    assert found["value"] == pytest.approx(expected, rel=1e-5)
    assert (
        "real.npz does not say of which network: taken to be of classifier:digits@"
        in (found["reason"])
    )
    assert (found["protocol"]["samples"], found["protocol"]["reference"]) == (150, None)
    code, out, err = call("real.npz", "--reference", "real.npz", "--json", "-")
    assert code == 0, err
    assert rows(out)["fid"]["value"] == pytest.approx(0, abs=1e-4)
    assert "the same images" in rows(out)["fid"]["reason"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, "mu has shape (3,) and sigma (4, 4)"),
        ({"mu": np.zeros(64, int), "sigma": np.eye(64)}, "mu is int64"),
        ({"mu": np.full(64, np.nan), "sigma": np.eye(64)}, "NaN or infinite"),
        ({"mu": np.zeros(64), "sigma": np.tri(64)}, "sigma is no covariance"),
        ({"mu": np.zeros(64), "sigma": -np.eye(64)}, "sigma is no covariance"),
        ({"mu": np.zeros(8), "sigma": np.eye(8)}, "they are of two networks"),
        ({"mu": np.array([{}]), "sigma": np.eye(1)}, "cannot be read"),
        ({"mu": np.zeros(64)}, "has mu and no sigma"),
        ({"sigma": np.eye(64), "n": np.ones(1)}, "has sigma and no mu"),
        ({"names": np.array(["a.png", "b.png"])}, "values are text (<U5), not pixels"),
    ],
)
def test_what_is_no_mu_and_sigma_is_refused(call, tmp_path, arrays, words):
    np.save(tmp_path / "a.npy", DIGITS[:150])
    np.savez(tmp_path / "bad.npz", **arrays)
    for sides in (("a.npy", "--reference", "bad.npz"), ("bad.npz", "--reference", "a.npy")):
        code, out, err = call(*sides, *OWN)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1
    code, _, err = call("bad.npz", "--save-statistics", "x.safetensors")
    assert code == 2


def test_several_sets_in_one_call_have_their_names(call, tmp_path):
    for name, part in (("a", DIGITS[:60]), ("b", DIGITS[60:140])):
        np.save(tmp_path / f"{name}.npy", part)
    options = ("--reference", "digits:test", "--metrics", "fid,kid", "--device", "cpu")
    code, out, err = call(
        "a.npy", "b.npy", "--name", "ours", "--name", "theirs", *options, "--json", "x.json"
    )
    assert code == 0, err
    table = [line.split("\t") for line in out.splitlines() if "\t" in line]
    assert [cells[:2] for cells in table] == [
        ["ours", "fid"], ["ours", "kid"], ["theirs", "fid"], ["theirs", "kid"],
    ]  # fmt: skip
    both = json.loads((tmp_path / "x.json").read_text())["scored"]
    assert [each["name"] for each in both] == ["ours", "theirs"]
    for each, file in zip(both, ("a.npy", "b.npy"), strict=True):
        code, out, _ = call(file, *options, "--json", "-")
        assert json.loads(out)["rows"] == each["rows"]
    code, out, _ = call("a.npy", "b.npy", *options)
    assert out.splitlines()[0] == "a.npy:"


def test_of_several_sets_all_are_checked_before_the_first_is_measured(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS[:60])
    np.save(tmp_path / "few.npy", DIGITS[:10])
    sides = ("a.npy", "few.npy", "--reference", "digits:test")
    code, out, err = call(*sides, "--metrics", "is")
    assert (code, out) == (2, "")
    assert "is: needs at least 20 samples, not 10 (samples: array few.npy" in err
    code, _, err = call(*sides, "--gallery", "g.png")
    assert "--gallery is one file, of one set of samples" in err


def test_labels_of_a_metadata_file_give_the_metrics_by_class(call, tmp_path):
    data = load_dataset("digits")
    folder(tmp_path / "a", data.train.images[:200, 0].numpy())
    lines = [
        json.dumps({"file_name": f"{i:03d}.png", "text": "a digit", "label": int(label)})
        for i, label in enumerate(data.train.labels[:200])
    ]
    metadata = tmp_path / "a" / "metadata.jsonl"
    metadata.write_text("\n".join(lines))
    options = ("a", "--reference", "digits:test", "--metrics", "intra_fid,class_accuracy", *OWN)
    code, out, err = call(*options, "--json", "-")
    assert code == 0, err
    assert "left out" not in err
    found = rows(out)
    assert found["class_accuracy"]["value"] > 0.95
    assert found["intra_fid"]["value"] > 0
    metadata.write_text("\n".join(lines).replace('"label": 3', '"label": 33'))
    code, _, err = call(*options)
    assert code == 2
    assert "intra_fid: samples: 0 images of class 3; each class needs 2" in err
    metadata.write_text("\n".join(lines[:-1]))
    code, _, err = call(*options)
    assert (code, "1 of 200 images without a label" in err) == (2, True)
    metadata.write_text("\n".join(lines).replace('"label": 3', '"label": "three"'))
    code, _, err = call(*options)
    assert "label is 'three'; a whole number from 0 up is needed" in err
    metadata.write_text("\n".join(lines))
    code, _, err = call("a", "--captions", "a/metadata.jsonl", "--metrics", "fid")
    assert "fid: there is nothing to compare with" in err, "the captions were read"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("out/00?_fake.png", "out/00?_real.png"),
        ("out/00[0-4]_fake.png", "out/00[0-4]_real.png"),
        ("out/00[!9]_*.p?g", "out/00[!9]_*.b[lm]p"),
        ("o[u]t/*_fake.png", "o[u]t/*_real.png"),
    ],
)
def test_question_marks_and_brackets_are_patterns_too(call, tmp_path, ours, theirs):
    for side, images in (("fake", COLOUR), ("real", NOISY)):
        folder(tmp_path / "out", images, "{:03d}_" + side + ".png")
    if theirs.endswith(".b[lm]p"):
        for file in sorted((tmp_path / "out").glob("*_real.png")):
            with Image.open(file) as image:
                image.save(file.with_name(file.name.replace("real.png", "fake.bmp")))
            file.unlink()
    code, out, err = call(ours, "--reference", theirs, "--pairs", "--metrics", "mse", "--json", "-")
    assert code == 0, err
    error = np.mean((COLOUR / 255 - NOISY / 255) ** 2)
    assert rows(out)["mse"]["value"] == pytest.approx(error)
    code, _, err = call("out/9?.png", "--reference", theirs, "--pairs")
    assert (code, err) == (2, "harness: out/9?.png: no file has such a name\n")


def test_a_folder_with_brackets_in_its_name_is_that_folder(call, tmp_path):
    for name, images in (("a [1]", COLOUR), ("b [1]", NOISY)):
        folder(tmp_path / name, images)
    sides = ("a [1]/00?.png", "--reference", "b [1]/00?.png", "--pairs", "--metrics", "mse")
    code, out, err = call(*sides, "--json", "-")
    assert code == 0, err
    assert rows(out)["mse"]["protocol"]["samples"] == 5


def test_no_output_is_written_over_a_file_of_a_pattern(call, tmp_path):
    a, _ = folder(tmp_path / "a", COLOUR), folder(tmp_path / "b", NOISY)
    code, _, err = call("a/00?.png", "--reference", "b/00?.png", "--gallery", "a/001.png")
    assert (code, "is an input of this command" in err) == (2, True)
    assert np.array_equal(np.asarray(Image.open(a / "001.png")), COLOUR[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gallery", "g.jpg"), "--gallery g.jpg: a PNG is written; name a file with the suffix"),
        (("--gallery", "g.v2"), "--gallery g.v2: a PNG is written"),
        (("--json", "x.csv"), "--json x.csv: JSON is written"),
        (("--json", "x.PNG"), "--json x.PNG: JSON is written"),
        (("--resize", "16:"), "--resize 16: names no filter after the colon; one of bicubic"),
        (("--name", "x", "--name", "x"), "--name is given 2 times and there is 1 set of samples"),
        (("b.npy", "--name", "x", "--name", "x"), "--name x is given twice"),
        (("b.npy", "--name", "x"), "--name is given 1 time and there are 2 sets of samples"),
    ],
)
def test_what_is_surely_meant_otherwise_is_refused_before_any_work(
    call, tmp_path, monkeypatch, options, words
):
    np.save(tmp_path / "a.npy", DIGITS[:20])
    np.save(tmp_path / "b.npy", DIGITS[20:40])
    monkeypatch.setattr("harness.scoring.scoring.read_pixels", lambda sets: pytest.fail("worked"))
    code, out, err = call("a.npy", "--reference", "digits:test", *OWN, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"harness: {words}")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npy", "b.npy"]


def test_json_goes_where_no_suffix_speaks_against_it(call, tmp_path):
    np.save(tmp_path / "a.npy", COLOUR)
    for name in ("x", "x.json", "x.txt", "x.2026-01", "/dev/null"):
        code, _, err = call("a.npy", "--reference", "a.npy", "--pairs", "--metrics", "mse",
                            "--json", name)  # fmt: skip
        assert code == 0, err


def test_resized_sides_of_other_channels_are_not_said_to_want_a_resize(call, tmp_path):
    np.save(tmp_path / "a.npy", COLOUR)
    np.save(tmp_path / "b.npy", COLOUR[..., 0])
    code, _, err = call("a.npy", "--reference", "b.npy", "--resize", "16")
    assert (code, "one number of channels" in err, "resize" in err) == (2, True, False)
    np.save(tmp_path / "b.npy", COLOUR[:, :20])
    code, _, err = call("a.npy", "--reference", "b.npy")
    assert (code, "nothing is resized unless --resize says how" in err) == (2, True)


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_few_images_behind_statistics_are_said(call, tmp_path):
    np.save(tmp_path / "few.npy", DIGITS[:70])
    np.save(tmp_path / "many.npy", DIGITS[100:400])
    assert call("few.npy", "--save-statistics", "few.safetensors", *OWN)[0] == 0
    for sides in (("many.npy", "--reference", "few.safetensors"),
                  ("few.safetensors", "--reference", "many.npy")):  # fmt: skip
        code, out, err = call(*sides, *OWN, "--json", "-")
        assert code == 0, err
        what = "sample" if sides[0].startswith("few") else "reference image"
        assert f"only 70 {what}s" in rows(out)["fid"]["reason"]
        assert rows(out)["fid"]["reason"].count("only 70") == 1
