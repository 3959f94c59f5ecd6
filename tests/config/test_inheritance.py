from pathlib import Path

import pytest

from harness.config.inheritance import inherit
from harness.config.recipe import load_recipe
from harness.config.yaml_files import parse_yaml

PARENT = """\
family: gan
dynamics:
  kind: unrolled
  steps: 5
penalties:
  - {kind: r1, weight: 10}
  - {kind: r2, weight: 1}
"""


def inherited(child, parent=PARENT):
    """The document of `child.yaml`, which extends `parent.yaml`."""
    return inherit(
        parse_yaml(parent.encode(), Path("parent.yaml")),
        parse_yaml(child.encode(), Path("child.yaml")),
    )


@pytest.mark.parametrize(
    ("child", "dynamics"),
    [
        ("dynamics: {kind: consensus, weight: 10}", {"kind": "consensus", "weight": 10}),
        ("dynamics: {kind: unrolled, steps: 3}", {"kind": "unrolled", "steps": 3}),
        ("dynamics: {kind: unrolled}", {"kind": "unrolled", "steps": 5}),
        ("dynamics: {steps: 3}", {"kind": "unrolled", "steps": 3}),
        ("dynamics: {kind: null}", {"kind": None}),
        ("dynamics: none", "none"),
        ("width: 8", {"kind": "unrolled", "steps": 5}),
    ],
)
def test_a_kind_that_changes_replaces_the_parents_mapping(child, dynamics):
    assert inherited(child).value["dynamics"] == dynamics


def test_a_kind_that_the_parent_does_not_say_replaces_its_mapping():
    parent = "family: gan\nnoise: {weight: 1}\n"
    assert inherited("noise: {kind: learnt}", parent).value["noise"] == {"kind": "learnt"}


def test_a_kind_deep_inside_replaces_the_mapping_around_it_and_no_other():
    parent = "family: gan\nstage: {width: 8, prior: {kind: normal, scale: 2}}\n"
    document = inherited("stage: {prior: {kind: uniform}}", parent)
    assert document.value["stage"] == {"width": 8, "prior": {"kind": "uniform"}}


def test_a_kind_of_the_recipe_itself_is_a_setting_as_any_other():
    assert inherited("kind: b", "family: gan\nkind: a\n").value == {"family": "gan", "kind": "b"}


def test_what_was_replaced_leaves_no_line_of_the_parent_behind():
    document = inherited("dynamics: {kind: consensus}\npenalties: [{kind: gradient}]\n")
    assert document.place(("dynamics", "steps")) == (Path("child.yaml"), 1)
    assert document.place(("penalties", 0, "weight")) == (Path("child.yaml"), 2)
    assert document.place(("penalties", 1)) == (Path("child.yaml"), 2)
    assert document.place(("family",)) == (Path("parent.yaml"), 1)


def test_a_chain_of_recipes_merges_from_the_last_parent_down(tmp_path):
    (tmp_path / "a.yaml").write_text(PARENT)
    (tmp_path / "b.yaml").write_text("extends: a.yaml\ndynamics: {kind: consensus, weight: 10}\n")
    (tmp_path / "c.yaml").write_text("extends: b.yaml\ndynamics: {weight: 2}\n")
    dynamics = load_recipe("c.yaml", tmp_path).settings["dynamics"]
    assert dynamics == {"kind": "consensus", "weight": 2}
