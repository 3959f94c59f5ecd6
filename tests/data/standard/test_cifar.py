import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from official_data import pixels, stand_in
from torchvision import datasets

from harness.core.errors import BadInput
from harness.data import dataset_card, load_dataset
from harness.data.standard import cifar

IMAGES = pixels(6, 3, 32, 32)
CIFAR100_SET = cifar.cifar100_set(coarse=False)


def batch(images, **labels) -> bytes:
    """The names are bytes, as Python 2 wrote them."""
    content = {b"data": images.reshape(-1, 3072), b"batch_label": b"?"}
    content |= {name.encode(): values for name, values in labels.items()}
    return pickle.dumps(content, protocol=4)


def test_batches_follow_each_other_and_planes_are_channels(tmp_path):
    files = {f"data_batch_{n}": batch(IMAGES[n - 1 : n], labels=[n]) for n in range(1, 6)} | {
        "test_batch": batch(IMAGES[5:], labels=[9])
    }
    known = stand_in(cifar.CIFAR10_SET, tmp_path, files, train=5, test=1)
    train, test = known.source({}).load(tmp_path)
    assert np.array_equal(train.images, IMAGES[:5])
    assert train.labels.tolist() == [1, 2, 3, 4, 5]
    assert np.array_equal(test.images, IMAGES[5:])


@pytest.mark.parametrize(("coarse", "labels"), [(False, [70, 80]), (True, [7, 8])])
def test_cifar100_has_fine_and_coarse_classes(tmp_path, coarse, labels):
    files = {
        "train": batch(IMAGES[:2], fine_labels=[70, 80], coarse_labels=[7, 8]),
        "test": batch(IMAGES[2:3], fine_labels=[99], coarse_labels=[19]),
    }
    known = stand_in(cifar.cifar100_set(coarse), tmp_path, files, train=2, test=1)
    train, test = known.source({}).load(tmp_path)
    assert train.labels.tolist() == labels
    assert int(test.labels) < len(known.card.classes)
    assert np.array_equal(train.images, IMAGES[:2])


def test_the_classes_of_cifar100_by_name():
    fine, coarse = dataset_card("cifar100").classes, dataset_card("cifar100[labels=coarse]").classes
    assert (len(fine), len(coarse)) == (100, 20)
    assert list(fine) == sorted(fine)
    assert list(coarse) == sorted(coarse)
    with pytest.raises(BadInput, match="labels=rough; fine"):
        dataset_card("cifar100[labels=rough]")


@pytest.mark.parametrize(
    ("known", "kind"), [(cifar.CIFAR10_SET, datasets.CIFAR10), (CIFAR100_SET, datasets.CIFAR100)]
)
def test_files_are_where_torchvision_has_them(known, kind):
    assert known.files.folder == Path(kind.base_folder)
    assert list(known.files.sums) == [name for name, _ in [*kind.train_list, *kind.test_list]]


def test_the_digests_of_cifar100_are_torchvisions():
    assert dict([*datasets.CIFAR100.train_list, *datasets.CIFAR100.test_list]) == (
        CIFAR100_SET.files.sums
    )


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["BOMB"],))


def test_a_pickle_that_is_not_the_official_one_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in cifar.CIFAR10_SUMS:
        (folder / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadInput, match="data_batch_1: cut short or corrupt"):
        load_dataset("cifar10", tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_even_a_file_of_the_right_digest_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    files = {"train": pickle.dumps(Bomb()), "test": batch(IMAGES[:1], fine_labels=[1])}
    known = stand_in(cifar.cifar100_set(coarse=False), tmp_path, files, train=1, test=1)
    with pytest.raises(BadInput, match="not a batch of CIFAR images"):
        known.source({}).load(tmp_path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02}", pickle.dumps({b"data": IMAGES}), pickle.dumps([1]), b"hello"]
)
def test_a_file_that_is_no_batch_is_named(tmp_path, content):
    files = {"train": content, "test": batch(IMAGES[:1], fine_labels=[1])}
    known = stand_in(cifar.cifar100_set(coarse=False), tmp_path, files, train=1, test=1)
    with pytest.raises(BadInput) as caught:
        known.source({}).load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'cifar-100-python' / 'train'}: not a batch")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    source = Path(os.environ.get("HARNESS_DATA", "")) / datasets.CIFAR10.base_folder
    if not source.is_dir():
        pytest.skip("HARNESS_DATA names no folder with the official CIFAR-10 files")
    root = tmp_path_factory.mktemp("data")
    (root / source.name).symlink_to(source)
    return root


PREPARE = """
    import sys
    from pathlib import Path
    from harness.data import load_dataset
    from harness.data.standard.cifar import CIFAR10
    def resident(field):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    load_dataset("cifar10", Path(sys.argv[1]))
    print(resident("VmHWM") - before)
"""


@pytest.mark.slow
def test_preparing_takes_little_memory_and_gives_what_torchvision_reads(data):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peaks of memory are read from Linux's /proc")
    code = textwrap.dedent(PREPARE)
    done = subprocess.run(
        [sys.executable, "-c", code, str(data)], check=True, capture_output=True, text=True
    )
    ours = load_dataset("cifar10", data)
    peer = datasets.CIFAR10(data, train=False)
    assert np.array_equal(ours.test.images.permute(0, 2, 3, 1), peer.data)
    assert ours.test.labels.tolist() == peer.targets
    assert ours.train.labels.bincount().tolist() == [5000] * 10
    assert ours.digest.startswith("42a0e8d20a0937b3")
    prepared = 60_000 * (3 * 32 * 32 + 8)
    assert int(done.stdout) <= 1.5 * prepared
