"""The page on Python is tried as a notebook: its fences are cells, run in their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from forking import Forks

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
CELLS = re.findall(r"^```python example\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
NOTEBOOK = """
import ast
names = {{}}
for cell in {cells!r}:
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        print(repr(value), getattr(value, "_repr_html_", str)())
"""


@pytest.mark.slow
def test_the_cells_run_in_their_order(tmp_path: Path):
    assert len(CELLS) > 5
    with Forks(["torch", "mlflow", "pandas"]) as fork:
        ended = fork(NOTEBOOK.format(cells=CELLS), tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "<table>" in ended.stdout


@pytest.mark.slow
def test_they_run_in_a_notebook(tmp_path: Path):
    nbformat, nbclient = (pytest.importorskip(name) for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    resources = {"metadata": {"path": str(tmp_path)}}
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=300, iopub_timeout=120, resources=resources).execute()
    assert any("text/html" in output.get("data", {}) for output in cells[0].outputs)
