import numpy as np
import pytest
import torch
from scipy.stats import kstest

from harness.core.errors import BadInput
from harness.data import dataset_card, load_dataset
from harness.data.generated import gaussian, points
from harness.data.generated.normal import GRID, normal, random_state, unrounded

DIGESTS = {
    "ring": (
        "1aca957a461c8b2aa0628798e8bdf60dccd8d6c60d1293276b63072d4e214d66",
        "f4a1ff1d66da68c48f57b397cca8a336897ece1b03462ab37fc313215424739c",
    ),
    "grid": (
        "ccb418ab1396f54fbc252067ffdcec6eff69591a4ee8bc372a56a5ebf451814a",
        "dbaf6ba0aabd973ac948f3efef9905c7bc4c0b3ca6851d470a404e2af3aca3fd",
    ),
    "gaussian": (
        "67814d8bf90a7fa500c65b7be7cf6a58e4ad0d577eea7ebb92fbafc0d18d3845",
        "00ee1e483dcc74b8013b8e2ad9782ce63fe2ff3672f6a0323097d00ed664c1a0",
    ),
}


@pytest.mark.parametrize("name", ["ring", "grid", "gaussian"])
def test_the_bytes_are_the_same_everywhere(name: str):
    dataset = load_dataset(name)
    assert (dataset.train.digest(), dataset.test.digest()) == DIGESTS[name]


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("name", ["ring", "grid", "gaussian"])
def test_no_number_is_near_to_being_rounded_otherwise(name: str, part: str):
    """A hundred times the error of a library's logarithm away from it, for the numbers drawn."""
    split = getattr(load_dataset(name), part)
    random = random_state(name, 1, part)
    if name != "gaussian":  # its labels are drawn first
        modes = random.randint(0, len(dataset_card(name).classes), len(split), dtype=np.int64)
        assert modes.tolist() == split.labels.tolist()
    steps = unrounded(random, (len(split), split.images[0].numel())) / GRID
    assert float(np.abs(steps - np.floor(steps) - 0.5).min()) * GRID > 1e-13


def test_numbers_are_normal():
    numbers = normal(random_state("test", 0, "train"), (50_000,))
    assert kstest(numbers, "norm").pvalue > 0.01
    assert np.array_equal(numbers / GRID, np.rint(numbers / GRID))


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_points_lie_around_the_means_that_the_papers_give(name: str):
    dataset = load_dataset(name)
    radius, deviation = {"ring": (1, 0.01), "grid": (4, 0.05)}[name]
    unit = points.OUTERMOST / radius
    for split in (dataset.train, dataset.test):
        assert split.images.shape[1:] == (2, 1, 1)
        assert split.images.dtype == torch.float32
        assert split.images.abs().max() < 1
        modes, deviations = dataset.density.nearest(split.images)
        assert torch.equal(modes, split.labels)
        assert float((deviations <= 3).double().mean()) == pytest.approx(0.9889, abs=0.01)
    images, labels = dataset.train.images.double().flatten(1) / unit, dataset.train.labels
    angles = torch.arange(8) * torch.pi / 4
    steps = torch.arange(-4.0, 5, 2)
    means = {
        "ring": torch.stack([angles.cos(), angles.sin()], dim=1),
        "grid": torch.cartesian_prod(steps, steps),
    }[name]
    residuals = images - means[labels]
    assert residuals.std(dim=0).tolist() == pytest.approx([deviation] * 2, rel=0.01)
    assert float(residuals.mean(dim=0).abs().max()) < 5 * deviation / len(images) ** 0.5
    expected = len(images) / len(means)
    chi = (torch.bincount(labels) - expected).square().sum() / expected
    assert float(chi) < 2 * len(means) + 10


def test_train_and_test_points_differ():
    ring = load_dataset("ring")
    assert not torch.isin(ring.test.images[:, 0], ring.train.images[:, 0]).all()


def test_modes_left_out_of_training_are_left_out_of_the_truth():
    task = load_dataset("ring[unseen=0+4]")
    assert task.density.modes == 6
    assert torch.equal(task.density.nearest(task.normal_test.images)[0].unique(), torch.arange(6))
    assert float(task.density.nearest(task.test.images[task.anomalous])[1].min()) > 50
    with pytest.raises(BadInput, match="all 1 classes are unseen"):
        load_dataset("gaussian[unseen=0]")


def test_classes_are_named_after_where_they_are():
    assert dataset_card("ring").classes[1] == "45°"
    assert dataset_card("grid").classes[0] == "(-4, -4)"


def test_images_of_one_gaussian_have_its_covariance():
    dataset = load_dataset("gaussian")
    density = gaussian.TRUTH
    assert torch.equal(density.basis.T @ density.basis, torch.eye(64, dtype=torch.float64))
    assert int((density.scales > gaussian.NOISE).sum()) == gaussian.SIGNALS
    coordinates = dataset.train.images.double().flatten(1) @ density.basis
    spread = coordinates.std(dim=0) / density.scales
    assert float((spread - 1).abs().max()) < 0.025
    correlations = torch.corrcoef(coordinates.T) - torch.eye(64, dtype=torch.float64)
    assert float(correlations.abs().max()) < 5 / len(coordinates) ** 0.5


def test_its_sums_are_exact_in_any_order():
    numbers = normal(random_state("gaussian", 1, "test"), (50, 64)) * gaussian.TRUTH.scales.numpy()
    basis = gaussian.TRUTH.basis.numpy()
    backwards = numbers[:, ::-1] @ basis[:, ::-1].T
    assert np.array_equal(numbers @ basis.T, backwards)


def test_walsh_functions_are_ordered_by_their_changes_of_sign():
    rows = gaussian.walsh()
    assert (np.diff(rows, axis=1) != 0).sum(axis=1).tolist() == list(range(8))
