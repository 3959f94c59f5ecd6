import io

import pytest
import torch
from PIL import Image

from harness.data import load_dataset
from harness.data.base import Dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.pictures import PICTURES
from harness.evaluation.protocols import EvalConfig, obstacle, protocol
from harness.evaluation.subject import samples_subject
from harness.metrics import METRICS
from harness.metrics.reconstruction import psnr

FRAMES, SIDE = 4, 16


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Videos whose frames are of the size that the classifier of digits takes."""
    digits = load_dataset("digits")
    card = load_dataset(f"moving:shapes[frames={FRAMES},train=2,test=1]").card
    parts = []
    for split in (digits.train, digits.test):
        count = len(split) // FRAMES
        images = split.images[: count * FRAMES].view(count, FRAMES, SIDE, SIDE)
        parts.append(type(split)(images, split.labels[:count]))
    return Dataset("videos", *parts, card)


@pytest.fixture
def evidence(dataset: Dataset) -> Evidence:
    samples = dataset.train.images[:30]
    names = {"extractor": "classifier:digits", "perceptual": "classifier:digits"}
    given = {"samples": samples, "reconstructions": samples}
    return Evidence({**dataset_evidence(dataset), **given}, EvalConfig(names, frames=FRAMES))


def test_features_are_of_frames(evidence: Evidence, dataset: Dataset):
    frames = dataset.train.images[:30].reshape(30 * FRAMES, 1, SIDE, SIDE)
    assert torch.equal(evidence["sample_features"], evidence.extractor().extract(frames).pooled)
    assert len(evidence["reference_features"]) == FRAMES * len(dataset.test)
    assert len(evidence["train_features"]) == FRAMES * len(dataset.train)
    assert evidence["originals"].shape[1:] == (1, SIDE, SIDE)


def test_errors_that_take_frames_for_independent_are_left_out(evidence: Evidence):
    fid = compute_metric(METRICS["fid"], evidence).estimate
    assert fid is not None
    assert fid.stderr is None
    change = compute_metric(METRICS["frame_change"], evidence).estimate
    assert change is not None
    assert change.stderr is not None


def test_the_protocol_says_that_frames_were_measured(dataset: Dataset):
    subject = samples_subject("other", dataset, 30)
    setup = EvalConfig({}, frames=FRAMES)
    fid, change = (protocol(METRICS[name], subject, setup) for name in ("fid", "frame_change"))
    assert fid.settings["frames"] == FRAMES
    assert fid.label().endswith(f"n=30/{len(dataset.test)} test, frames={FRAMES}]")
    assert "frames" not in change.settings
    assert "frames" not in protocol(METRICS["fid"], subject, EvalConfig({})).settings


def test_pairs_of_frames_are_of_features_in_order(evidence: Evidence, dataset: Dataset):
    pairs, features = evidence["sample_frame_pairs"], evidence["sample_features"]
    assert len(pairs) == 30 * (FRAMES - 1)
    first, second = features[FRAMES], features[FRAMES + 1]  # of the second video
    assert torch.equal(pairs[FRAMES - 1], torch.cat([first, second - first]))
    assert len(evidence["reference_frame_pairs"]) == len(dataset.test) * (FRAMES - 1)
    found = compute_metric(METRICS["video_frechet"], evidence).estimate
    assert found is not None
    assert found.value > 0
    assert found.stderr is None


def test_figures_of_real_videos_stay(tmp_path):
    real = load_dataset("moving:shapes[frames=3,train=5,test=5]", tmp_path)
    values = {**dataset_evidence(real), "samples": real.train.images}
    kept = compute_metric(METRICS["identity_kept"], Evidence(values, EvalConfig({}, frames=3)))
    assert kept.estimate is not None
    assert kept.estimate.value == 1


@pytest.mark.parametrize(
    ("name", "metric", "reason"),
    [
        ("digits", "frame_change", "digits has images, not videos"),
        ("digits", "symmetry_error", "digits is not symmetric"),
        ("digits", "polygon_recall", "digits does not consist of polygons"),
        ("symmetric[train=5,test=5]", "symmetry_error", None),
        ("polygons[train=5,test=5]", "polygon_precision", None),
        ("polygons[train=5,test=5,binarized=threshold]", "polygon_recall", "consist of polygons"),
        ("moving:shapes[train=5,test=5]", "frame_change", None),
        ("moving:shapes[train=5,test=5]", "identity_kept", None),
        ("moving:digits[train=5,test=5]", "identity_kept", "no figures to be read off frames"),
        ("digits", "video_frechet", "digits has images, not videos"),
    ],
)
def test_what_a_set_is_not_known_for_is_not_measured(name, metric, reason, tmp_path):
    dataset = load_dataset(name, tmp_path)
    found = obstacle(METRICS[metric], samples_subject("other", dataset, 5), EvalConfig({}))
    assert found is None if reason is None else reason in found


def test_reconstructions_of_videos_are_compared_frame_by_frame(dataset: Dataset):
    class Darker:
        def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
            """The first frame as it is, the others darker."""
            return (x - torch.tensor([0.0, 0.1, 0.2, 0.3])[:, None, None]).clamp(min=-1)

    evidence = Evidence(dataset_evidence(dataset), EvalConfig({}, frames=FRAMES), model=Darker())
    values = psnr(evidence["originals"], evidence["reconstructions"]).view(-1, FRAMES)
    assert values[:, 0].isinf().all()
    assert (values[:, 1:-1] > values[:, 2:]).all()


def test_pictures_show_a_video_in_a_row(evidence: Evidence):
    evidence["sample_features"], evidence["train_features"]
    for name, (columns, rows) in {
        "samples": (FRAMES, 8), "reconstructions": (FRAMES, 8), "neighbours": (6, 8)
    }.items():  # fmt: skip
        image = Image.open(io.BytesIO(PICTURES[name].draw(evidence)))
        assert image.size == (columns * (SIDE + 1) + 1, rows * (SIDE + 1) + 1), name
