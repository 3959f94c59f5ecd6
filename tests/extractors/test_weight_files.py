import hashlib

import pytest
import torch

from harness.core.errors import BadInput
from harness.extractors import inception, lpips_networks
from harness.networks import weight_files
from harness.networks.weight_files import MissingWeights, WeightsFile

CONTENT = b"some weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = WeightsFile(f"https://example.org/net-{DIGEST[:8]}.pth", DIGEST)


def test_name_and_label_follow_from_url_and_digest():
    assert FILE.name == f"net-{DIGEST[:8]}.pth"
    assert FILE.digest == DIGEST[:8]


def test_published_weights_are_pinned_by_whole_digests():
    for file in (inception.WEIGHTS, *(trunk.weights for trunk in lpips_networks.TRUNKS.values())):
        assert len(file.sha256) == 64
        assert f"-{file.digest}." in file.name  # what their publisher says of them


def test_a_file_with_the_published_eight_digits_alone_is_refused(weights_folder, monkeypatch):
    (weights_folder / FILE.name).write_bytes(b"others")
    forged = DIGEST[:8] + "0" * 56
    monkeypatch.setattr(weight_files, "file_sha256", lambda path: forged)
    with pytest.raises(BadInput, match=f"its SHA-256 is {forged} and not {DIGEST}"):
        weight_files.locate_weights(FILE)


def test_own_folder_comes_before_the_hub_cache(weights_folder):
    own, hub = weight_files.folders()
    hub.mkdir(parents=True)
    (hub / FILE.name).write_bytes(CONTENT)
    assert weight_files.locate_weights(FILE).path == hub / FILE.name
    (own / FILE.name).write_bytes(CONTENT)
    found = weight_files.locate_weights(FILE)
    assert found.path == weights_folder / FILE.name
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert found.pinned


def test_missing_and_out_of_reach(weights_folder):
    with pytest.raises(MissingWeights) as error:
        weight_files.locate_weights(FILE)
    assert str(error.value) == (
        f"the weights {FILE.name} are not on this machine and cannot be fetched"
        f" (no route to host): put {FILE.url} into {weights_folder}"
    )


def test_fetched_where_it_can_be(weights_folder, monkeypatch):
    def fetch(url, dst, hash_prefix, progress):
        assert (url, hash_prefix) == (FILE.url, DIGEST)
        (weights_folder / FILE.name).write_bytes(CONTENT)

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    assert weight_files.locate_weights(FILE).path.read_bytes() == CONTENT


def test_a_truncated_file_is_refused(weights_folder):
    (weights_folder / FILE.name).write_bytes(CONTENT[:-1])
    with pytest.raises(BadInput, match=r"not the published file.*replace it by https://example"):
        weight_files.locate_weights(FILE)


def test_code_in_a_pickle_is_not_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'owned')!r}, 'w')",))

    torch.save({"weight": Attack()}, tmp_path / "net.pth")
    with pytest.raises(BadInput, match="cannot be read as weights"):
        weight_files.load_tensors(tmp_path / "net.pth")
    assert not (tmp_path / "owned").exists()


def test_what_is_no_state_dict_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(BadInput, match="holds a Tensor, not weights by name"):
        weight_files.load_tensors(tmp_path / "tensor.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(BadInput, match="cannot be read as weights"):
        weight_files.load_tensors(tmp_path / "text.pth")
