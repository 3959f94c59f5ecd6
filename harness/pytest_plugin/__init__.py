"""The fixture `harness_suite`: quality as a test in anyone's repository.

pytest imports this module whenever it starts where the harness is installed, so it imports nothing
itself: all else comes when a test asks for the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.suite import SuiteUnderTest


def pytest_addoption(parser: pytest.Parser) -> None:
    """One setting: where results are kept."""
    parser.addini(
        "harness_output",
        "folder of checkpoints, reports and the default tracking store, below the root folder; "
        "runs, if empty",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "harness: uses harness_suite, so it may train models")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that use the fixture: `pytest -m "not harness"` leaves them out."""
    for item in items:
        if "harness_suite" in getattr(item, "fixturenames", ()):
            item.add_marker("harness")


@pytest.fixture
def harness_suite(request: pytest.FixtureRequest) -> Callable[..., SuiteUnderTest]:
    """Opens a suite, by the path of its file beside the test's or by its name: `harness_suite(
    "suite.yaml").run().check("baseline.json")`. Keyword arguments are overrides, as `seeds=[0, 1]`.
    """
    from harness.core.output_folder import default_output
    from harness.pytest_plugin.suite import SuiteUnderTest

    root_folder, name = request.config.rootpath, request.config.getini("harness_output")
    output = root_folder / name if name else default_output(root_folder)
    root = os.environ.get("HARNESS_DATA")

    def open_suite(name: str | Path, **overrides: object) -> SuiteUnderTest:
        folder = request.path.parent
        return SuiteUnderTest.open(name, folder, output, Path(root) if root else None, overrides)

    return open_suite
