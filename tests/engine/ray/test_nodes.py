"""A node that lacks something says what; nothing here needs a cluster."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from user_models import write

from harness.config.suite import load_suite
from harness.core.user_code import look_in
from harness.engine.ray.nodes import (
    SHARED_LOCK,
    NodeRequirements,
    check_shared_folder,
    missing_requirements,
    node_machine,
    node_requirements,
    shared_folder_lock,
)
from harness.plan import Plan, make_plan
from harness.training.numerics import Numerics

SUITE = """
title: t
seeds: [0]
budget: {images: 64}
datasets: [digits, ring]
models: [vae/mlp]
metrics: [fid]
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    file = tmp_path_factory.mktemp("suite") / "s.yaml"
    file.write_text(SUITE)
    return make_plan(load_suite(str(file)), "cpu", None)


class EmptyStore(BaseHTTPRequestHandler):
    """Answers every question as an MLflow server does that holds nothing."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture(scope="module")
def wanted(plan: Plan) -> Iterator[NodeRequirements]:
    """With an address where a server answers."""
    server = HTTPServer(("127.0.0.1", 0), EmptyStore)
    Thread(target=server.serve_forever, daemon=True).start()
    yield node_requirements(plan, f"http://127.0.0.1:{server.server_port}", Path("runs"))
    server.shutdown()


def test_the_machine_that_planned_lacks_nothing(wanted: NodeRequirements):
    assert missing_requirements(wanted) == ()
    assert {name for name, _ in wanted.datasets} == {"digits", "ring"}
    assert {network.name for network in wanted.networks} == {"classifier:digits", "identity"}
    assert [name for name, _ in wanted.families] == ["vae"]


def test_a_cell_needs_less_than_a_suite(plan: Plan, wanted: NodeRequirements):
    cell = next(cell for cell in plan.cells if cell.dataset == "ring")
    less = wanted.of(cell)
    assert [name for name, _ in less.datasets] == ["ring"]
    assert [network.name for network in less.networks] == ["identity"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: {"datasets": (("digits", "0" * 64),)}, "dataset digits: there is .* and not 00"),
        (lambda w: {"datasets": (("npz:none.npz", "0"),)}, r"dataset npz:none\.npz: .*none\.npz"),
        (lambda w: {"families": (("vae", "0"),)}, "family vae: there is .* and not 0"),
        (lambda w: {"families": (("mine.here:Own", "0"),)}, "family mine.here:Own: .*mine"),
        (lambda w: {"numerics": replace(w.numerics, torch_version="1")}, "computes .*, torch 1: "),
        (lambda w: {"uri": "http://127.0.0.1:9"}, "http://127.0.0.1:9: no MLflow server answers"),
        (lambda w: {"code": "other"}, r"another harness \(0.1.0, .*\): install the same one"),
    ],
)
def test_what_a_node_lacks_it_says_in_one_line(
    wanted: NodeRequirements, change: Callable[[NodeRequirements], Any], said: str
):
    (line,) = missing_requirements(replace(wanted, **change(wanted)))
    assert re.search(said, line), line
    assert "\n" not in line


def test_weights_of_the_same_name_are_told_apart_by_their_digest(wanted: NodeRequirements):
    network = next(n for n in wanted.networks if n.name == "classifier:digits")
    other = replace(network, instrument=replace(network.instrument, label="classifier:digits@0"))
    (line,) = missing_requirements(replace(wanted, networks=(other,)))
    assert f"weights of classifier:digits: there is {network.instrument.label}" in line
    assert "and not classifier:digits@0" in line
    missing = replace(network, name="classifier:none")
    (line,) = missing_requirements(replace(wanted, networks=(missing,)))
    assert "weights of classifier:none: " in line


def test_an_output_folder_that_is_not_shared_is_noticed(tmp_path: Path):
    assert "does not see the output folder" in check_shared_folder(tmp_path / "elsewhere")[0]
    with shared_folder_lock(tmp_path / "shared"):
        assert check_shared_folder(tmp_path / "shared") == ()
    # A folder of the same name, or a file system whose locks hold on one node only.
    assert (tmp_path / "shared" / SHARED_LOCK).exists()
    assert "is another folder there, or locks" in check_shared_folder(tmp_path / "shared")[0]


def test_a_machine_says_how_it_computes():
    assert node_machine("cpu", 2, "auto").numerics == Numerics.resolve("cpu", processes=2)


def test_a_family_beside_the_suite_is_found_on_a_node(tmp_path: Path):
    plan = make_plan(load_suite(str(write(tmp_path, family="nodes_net:Net"))), "cpu", None)
    there = node_requirements(plan, "http://127.0.0.1:9", tmp_path)
    look_in(None)  # as a process of another machine begins
    assert "nodes_net" not in sys.modules
    without = [
        line for line in missing_requirements(replace(there, suite=None)) if "family" in line
    ]
    assert [line for line in without if "cannot be imported: No module named 'nodes_net'" in line]
    assert not [line for line in missing_requirements(there) if "family" in line]
    look_in(None)
