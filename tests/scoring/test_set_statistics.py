"""Statistics of shards: merged they are those of the whole, and only what belongs together is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from harness.core.errors import BadInput
from harness.data.imageset import ImageSet, load_images
from harness.evaluation.protocols import NetworkInfo
from harness.metrics import frechet_distance
from harness.scoring.statistics import KIND, SetStatistics, is_statistics, load_statistics

NETWORK = NetworkInfo("net@0123", "native")


def shard(seed: int, n: int = 40, network: NetworkInfo = NETWORK) -> tuple[ImageSet, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 1, 4, 4), generator=draws, dtype=torch.uint8)
    return ImageSet(images, [""] * n, f"shard {seed}"), images.flatten(1).float() + seed


def statistics(seed: int, network: NetworkInfo = NETWORK) -> SetStatistics:
    return SetStatistics.of(*shard(seed), network)


def saved(folder: Path, *seeds: int) -> list[str]:
    for seed in seeds:
        statistics(seed).save(folder / f"{seed}.safetensors")
    return [str(folder / f"{seed}.safetensors") for seed in seeds]


def test_two_shards_are_the_whole(tmp_path):
    merged = load_statistics(saved(tmp_path, 1, 2))
    whole = torch.cat([shard(1)[1], shard(2)[1]])
    reference = torch.randn(100, 16, generator=torch.Generator().manual_seed(0)) * 90 + 100
    assert merged.statistics.n == 80
    assert frechet_distance(merged.statistics, reference) == pytest.approx(
        frechet_distance(whole, reference), rel=1e-9
    )
    torch.testing.assert_close(
        merged.statistics.covariance, whole.double().T.cov(), rtol=1e-12, atol=1e-9
    )


@given(st.permutations([1, 2, 3, 4]))
def test_the_order_of_shards_does_not_count(order):
    parts = {seed: statistics(seed) for seed in order}
    first, *others = (parts[seed] for seed in order)
    for other in others:
        first = first.merge(other)
    sorted_ = statistics(1).merge(statistics(2)).merge(statistics(3)).merge(statistics(4))
    torch.testing.assert_close(first.statistics.scatter, sorted_.statistics.scatter)
    assert first.shards == sorted_.shards
    assert replace(first.origin, described="") == replace(sorted_.origin, described="")


def test_a_file_keeps_every_bit_and_what_it_is_of(tmp_path):
    before = statistics(3)
    before.save(tmp_path / "s.safetensors")
    after = load_statistics([str(tmp_path / "s.safetensors")])
    assert torch.equal(after.statistics.scatter, before.statistics.scatter)
    assert torch.equal(after.statistics.mean, before.statistics.mean)
    assert after.shards == (shard(3)[0].digest,)
    assert after.origin == replace(before.origin, described=f"statistics {tmp_path}/s.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["s.safetensors"], "nothing is left"


def test_of_a_datasets_split_they_are_known_as_suites_know_it():
    images = load_images("digits:test")
    found = SetStatistics.of(images, images.images.flatten(1).float(), NETWORK).origin
    assert (found.data, found.split) == ("digits", "test")
    assert found.digest == images.dataset.digest


@pytest.mark.parametrize(
    ("field", "value"),
    [("extractor", "other@4567"), ("preprocessing", "rgb"), ("dtype", "float16"),
     ("shape", "3×4×4")],
)  # fmt: skip
def test_shards_of_two_kinds_are_not_merged_and_the_field_is_named(field, value):
    one, two = statistics(1), statistics(2)
    other = replace(two, origin=replace(two.origin, **{field: value}))
    with pytest.raises(BadInput, match=f"^{field} differs: .* of shard 1, '{value}' of shard 2"):
        one.merge(other)


def test_no_shard_counts_twice(tmp_path):
    (file,) = saved(tmp_path, 1)
    with pytest.raises(BadInput, match="both have the images of digest"):
        load_statistics([file, file])


def damaged(file: Path, **changes) -> None:
    tensors = load_file(file)
    text = {"kind": KIND, "shards": '["a"]', **vars(statistics(1).origin)}
    text |= {name: value for name, value in changes.items() if name in text}
    tensors |= {name: value for name, value in changes.items() if name in tensors}
    save_file(tensors, file, {name: value for name, value in text.items() if value is not None})


SKEW = torch.triu(torch.ones(16, 16, dtype=torch.float64))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "other"}, "not written by"),
        ({"kind": None}, "not written by"),
        ({"shards": "[]"}, "damaged"),
        ({"shards": "[1]"}, "damaged"),
        ({"shards": "{"}, "damaged"),
        ({"extractor": None}, "damaged"),
        ({"scatter": SKEW}, "damaged"),
        ({"scatter": -SKEW @ SKEW.T}, "damaged"),
        ({"mean": torch.full((16,), torch.nan, dtype=torch.float64)}, "damaged"),
    ],
)
def test_what_else_is_in_a_file_is_refused(tmp_path, changes, words):
    (file,) = saved(tmp_path, 1)
    damaged(Path(file))
    load_statistics([file])
    damaged(Path(file), **changes)
    with pytest.raises(BadInput, match=words) as caught:
        load_statistics([file])
    assert str(caught.value).startswith(file)


def test_what_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    for name in ("x.safetensors", "gone.safetensors", ""):
        with pytest.raises(BadInput, match=str(tmp_path / name)):
            load_statistics([str(tmp_path / name)])


def test_files_are_known_by_their_suffix():
    assert is_statistics("a/b.safetensors")
    assert not is_statistics("a/b.npz")
    assert not is_statistics("digits:test")
