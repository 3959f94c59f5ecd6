"""The files of a network of the hub: where they are looked for, checked, and read from."""

import shutil
from pathlib import Path

import pytest
import torch

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.extractors import load_extractor, preflight
from harness.networks import hub
from harness.networks.hub import PINS, Pin
from harness.networks.weight_files import MissingWeights

transformers = pytest.importorskip("transformers")


@pytest.fixture
def hub_cache(weights_folder, tmp_path, monkeypatch):
    """A hub in place of the real one: `cache` is on this machine, `remote` has to be fetched."""

    class Hub:
        cache, remote = tmp_path / "cache", tmp_path / "remote"
        asked: list[tuple[str | None, bool]] = []  # noqa: RUF012 - a fresh class each time

    def snapshot_download(repository, revision, allow_patterns, local_files_only):
        Hub.asked.append((revision, local_files_only))
        if not local_files_only:
            if not (Hub.remote / repository).is_dir():
                raise OSError("404\nRepository not found")
            (Hub.cache / repository).mkdir(parents=True, exist_ok=True)
            for file in allow_patterns:
                if (Hub.remote / repository / file).is_file():
                    shutil.copy(Hub.remote / repository / file, Hub.cache / repository)
        elif not (Hub.cache / repository).is_dir():
            raise FileNotFoundError("not in the cache")
        return str(Hub.cache / repository)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return Hub


def pin(monkeypatch, repository: str, weights: Path) -> None:
    pinned = Pin("c0ffee", weights.name, file_sha256(weights))
    monkeypatch.setitem(PINS, repository, pinned)


def test_pins_are_whole_digests():
    for found in PINS.values():
        assert len(found.sha256) == 64
        assert len(found.revision) == 40
        assert found.file in hub.WEIGHTS


@pytest.mark.parametrize("name", ["dinov2", "clip", "dinov2:someone/else", "clip:someone/else"])
def test_missing_weights_are_named(weights_folder, name):
    with pytest.raises(MissingWeights) as error:
        preflight(name)
    text = str(error.value)
    assert "\n" not in text
    assert f"of {name} are not on this machine and cannot be fetched (no route to host)" in text
    assert "put the files of https://huggingface.co/" in text
    assert "into $HARNESS_WEIGHTS/" in text


def test_own_folder_comes_first(save_dinov2, hub_cache, weights_folder):
    own = save_dinov2("someone/net", seed=1)
    save_dinov2("someone/net", hub_cache.cache, seed=2)
    [found] = preflight("dinov2:someone/net")
    assert (found.path, found.sha256) == (own, file_sha256(own))
    assert not found.pinned
    assert hub_cache.asked == []
    assert load_extractor("dinov2:someone/net").digest == found.digest


def test_what_is_in_the_cache_is_not_asked_for_again(save_dinov2, hub_cache):
    weights = save_dinov2("someone/net", hub_cache.cache)
    [found] = preflight("dinov2:someone/net")
    assert found.path == weights
    assert hub_cache.asked == [(None, True)]


def test_fetched_where_it_can_be(save_dinov2, hub_cache, monkeypatch):
    weights = save_dinov2("someone/net", hub_cache.remote)
    pin(monkeypatch, "someone/net", weights)
    [found] = preflight("dinov2:someone/net")
    assert found.pinned
    assert found.path == hub_cache.cache / "someone" / "net" / "model.safetensors"
    assert hub_cache.asked == [("c0ffee", True), ("c0ffee", False)]
    network = load_extractor("dinov2:someone/net")
    assert network.label == f"dinov2:someone/net@{file_sha256(weights)[:8]}"


def test_a_cache_without_the_settings_is_completed(save_dinov2, hub_cache):
    save_dinov2("net", hub_cache.remote)
    save_dinov2("net", hub_cache.cache)
    (hub_cache.cache / "net" / "config.json").unlink()
    preflight("dinov2:net")
    assert (hub_cache.cache / "net" / "config.json").is_file()


def test_a_repository_with_pickled_weights_only(save_dinov2, hub_cache, random_images):
    weights = save_dinov2("net", hub_cache.remote)
    whole = load_extractor("dinov2:net").extract(random_images(1, 3, 8, 8)).pooled
    torch.save(transformers.Dinov2Model.from_pretrained(weights.parent).state_dict(),
               weights.with_name("pytorch_model.bin"))  # fmt: skip
    weights.rename(weights.with_name("elsewhere"))
    (hub_cache.cache / "net" / "model.safetensors").unlink()
    found = load_extractor("dinov2:net").extract(random_images(1, 3, 8, 8)).pooled
    assert torch.equal(found, whole)


def test_a_repository_that_is_not_there(hub_cache):
    with pytest.raises(MissingWeights, match=r"cannot be fetched \(404\): put"):
        preflight("dinov2:someone/net")


def test_other_weights_under_a_pinned_name_are_refused(save_dinov2, weights_folder, monkeypatch):
    weights = save_dinov2("someone/net")
    pin(monkeypatch, "someone/net", weights)
    load_extractor("dinov2:someone/net")
    save_dinov2("someone/net", seed=1)
    with pytest.raises(BadInput, match=r"not the published file.*/tree/c0ffee$"):
        load_extractor("dinov2:someone/net")


def test_a_truncated_file_is_refused(save_dinov2, weights_folder):
    weights = save_dinov2("net")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BadInput, match="dinov2:net cannot be loaded from") as error:
        load_extractor("dinov2:net")
    assert "\n" not in str(error.value)


def test_code_in_a_pickle_is_not_run(save_dinov2, weights_folder, tmp_path):
    class Attack:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'owned')!r}, 'w')",))

    weights = save_dinov2("net")
    weights.unlink()
    torch.save({"weight": Attack()}, weights.with_name("pytorch_model.bin"))
    with pytest.raises(BadInput, match="dinov2:net cannot be loaded from"):
        load_extractor("dinov2:net")
    assert not (tmp_path / "owned").exists()


def test_missing_tensors_are_not_drawn_at_random(save_dinov2, weights_folder):
    save_dinov2("net", num_hidden_layers=1)
    deeper = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=42
    )
    deeper.save_pretrained(weights_folder / "net")
    with pytest.raises(BadInput, match=r"model\.safetensors lacks encoder\.layer\.1"):
        load_extractor("dinov2:net")


def test_loading_says_nothing(save_dinov2, capsys):
    save_dinov2("net")
    capsys.readouterr()
    load_extractor("dinov2:net")
    assert capsys.readouterr() == ("", "")
    assert transformers.utils.logging.is_progress_bar_enabled()


def test_another_kind_of_network_is_refused(save_dinov2, weights_folder):
    save_dinov2("net")
    with pytest.raises(BadInput, match=r"type dinov2, not clip|preprocessor_config"):
        load_extractor("clip:net")
    transformers.ViTConfig().save_pretrained(weights_folder / "net")
    with pytest.raises(BadInput, match="describes a network of type vit, not dinov2"):
        load_extractor("dinov2:net")


@pytest.mark.parametrize("name", ["dinov2:../secret", "dinov2:/etc/net", "dinov2:a/../b"])
def test_names_cannot_leave_the_folder(weights_folder, name):
    with pytest.raises(BadInput, match="does not name a repository"):
        preflight(name)
