from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path

import pytest

from harness.families.autoencoder import Autoencoder
from harness.families.diffusion import Diffusion
from harness.families.flow import Flow
from harness.families.vae import VAE
from harness.training import code_version as module
from harness.training.code_version import code_version, sampling_version

FAMILY = '''"""A family."""
from harness.families.autoencoder import Autoencoder
from plugin.part import factor

class Mine(Autoencoder):
    """It is mine."""

    def loss(self, networks, batch, noise):
        return {"loss": batch.x.mean() * factor()}  # comment
'''
PART = "def factor():\n    return 2\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "part.py").write_text(PART)
    (folder / "family.py").write_text(FAMILY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "ROOTS", ())  # the loader's package is not this test's subject
    return folder


def loaded() -> type:
    for name in [n for n in sys.modules if n.split(".")[0] in ("plugin", "plugin_helper")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return importlib.import_module("plugin.family").Mine


def version() -> str:
    return code_version(loaded())


def test_comments_docstrings_and_layout_do_not_count(plugin: Path) -> None:
    before = version()
    text = FAMILY.replace("# comment", "# another").replace("It is mine.", "Not\n    yours.")
    (plugin / "family.py").write_text(text.replace("batch.x.mean() *", "(batch.x.mean()) *"))
    (plugin / "part.py").write_text('"""Factors."""\n\n' + PART)
    assert version() == before


def test_a_changed_loss_counts_and_so_does_what_it_imports(plugin: Path) -> None:
    before = version()
    (plugin / "family.py").write_text(FAMILY.replace("mean()", "sum()"))
    changed = version()
    assert changed != before
    (plugin / "part.py").write_text(PART.replace("2", "3"))
    assert version() not in (before, changed)


def test_families_differ_and_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOTS", ("harness.training.loop",))
    assert code_version(VAE) == code_version(VAE) != code_version(Autoencoder)
    assert len(code_version(VAE)) == 16


def test_modules_that_families_share_are_read_once() -> None:
    code_version(VAE)
    before = module._read.cache_info()
    code_version(Autoencoder)
    after = module._read.cache_info()
    assert after.hits - before.hits > 10 * (after.misses - before.misses)


def test_networks_are_found_through_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOTS", ())
    read: list[str] = []
    source = module._source
    monkeypatch.setattr(module, "_source", lambda name: read.append(name) or source(name))
    code_version(VAE)
    assert {"harness.families.vae", "harness.networks.convnet", "harness.networks.sizes"} <= {*read}
    assert not any(name.startswith("harness.config") for name in read)


def write(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


HELPER = "FACTOR = 0.5\n"
IMPORTS = {
    "relative": "from .kl import FACTOR",
    "relative in a package": "from . import kl",
    "beside the package": "import plugin_helper",
    "conditional": "try:\n    import fast_kl\nexcept ImportError:\n    from . import kl",
    "in a function": "def late():\n    from plugin import kl",
    "relative in a function": "def late():\n    from .kl import FACTOR",
    "by a literal name": "import importlib\nkl = importlib.import_module('plugin.kl')",
    "by a relative literal": "import importlib\nkl = importlib.import_module('.kl', __package__)",
    "by a computed name": "import importlib\nkl = importlib.import_module('plugin.' + 'k' + 'l')",
    "by a name known later": "import importlib\ndef late(name):\n    importlib.import_module(name)",
    "a star": "from .kl import *",
    "of a folder": "from plugin.parts.deep import FACTOR",
}


@pytest.mark.parametrize("how", IMPORTS)
def test_a_helper_counts_however_it_is_imported(plugin: Path, how: str) -> None:
    """`FACTOR` is in every place where the import might look; only code that is read matters."""

    def helpers(text: str) -> None:
        write(plugin, kl=text, parts__deep=text)
        write(plugin.parent, plugin_helper=text)

    helpers(HELPER)
    (plugin / "family.py").write_text(f"{IMPORTS[how]}\n{FAMILY}")
    before = version()
    helpers("FACTOR = 50.0\n")
    assert version() != before


LATE = "import importlib\ndef late(name):\n    importlib.import_module(name)\n"


def test_a_part_that_imports_by_name_may_reach_all_files_of_its_package(plugin: Path) -> None:
    write(plugin, kl=HELPER, parts__deep=f"{LATE}FACTOR = 1\n")
    (plugin / "family.py").write_text(f"from plugin.parts.deep import FACTOR\n{FAMILY}")
    before = version()
    write(plugin, kl="FACTOR = 50.0\n")
    assert version() != before


def test_a_module_without_a_package_may_reach_the_files_beside_it(plugin: Path) -> None:
    def of_helper() -> str:
        digests = module.module_digests(["plugin_helper"], "plugin_helper")
        return digests["plugin_helper/beside.py"]

    write(plugin.parent, plugin_helper=LATE, beside=HELPER, below__other=HELPER)
    before = of_helper()
    write(plugin.parent, beside="FACTOR = 50.0\n")
    assert of_helper() != before
    digests = module.module_digests(["plugin_helper"], "plugin_helper")
    assert "plugin_helper/below/other.py" not in digests


def test_an_installed_package_of_the_family_itself_counts_by_its_code(
    plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_installed", lambda file: True)
    assert {"plugin.family", "plugin.part"} <= module.code_digests(loaded()).keys()


def test_the_package_that_holds_a_module_counts(plugin: Path) -> None:
    before = version()
    (plugin / "__init__.py").write_text("import torch\ntorch.set_num_threads(1)\n")
    assert version() != before


def test_what_does_not_reach_training_does_not_count(plugin: Path) -> None:
    before = version()
    write(plugin, unused="X = 1")
    assert version() == before


def test_installed_packages_count_by_their_version(plugin: Path) -> None:
    (plugin / "family.py").write_text(f"import prdc\n{FAMILY}")
    digests = module.code_digests(loaded())
    assert digests["prdc"] == importlib.metadata.version("prdc")
    assert not any(name.startswith(("prdc.", "torch.")) for name in digests)


def test_what_a_user_takes_of_the_harness_counts(plugin: Path) -> None:
    """A loss of our metrics, which no family of ours imports."""
    (plugin / "family.py").write_text(f"from harness.metrics.reconstruction import mse\n{FAMILY}")
    digests = module.code_digests(loaded())
    assert {"harness.metrics.reconstruction", "harness.metrics.checks"} <= digests.keys()


def test_a_source_with_a_byte_order_mark_or_another_encoding_is_read(plugin: Path) -> None:
    (plugin / "part.py").write_bytes(b"\xef\xbb\xbf" + PART.encode())
    first = version()
    text = "# -*- coding: latin-1 -*-\n" + PART + "NAME = 'caf\xe9'\n"
    (plugin / "part.py").write_bytes(text.encode("latin-1"))
    assert version() != first


def test_a_changed_sampler_changes_the_samplings_version_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = module._source

    def changed(name: str) -> bytes:
        line = b"\nCHANGED = 1\n" if name == "harness.samplers.heun" else b""
        return source(name) + line

    before = code_version(Diffusion), sampling_version(Diffusion)
    monkeypatch.setattr(module, "_source", changed)
    assert code_version(Diffusion) == before[0]
    assert sampling_version(Diffusion) not in (before[1], "")


def test_only_families_that_use_samplers_have_a_version_of_sampling() -> None:
    assert sampling_version(VAE) == ""
    assert sampling_version(Flow) != sampling_version(Diffusion)
