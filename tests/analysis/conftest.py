import gc

import pytest


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """statsmodels collects garbage on every correction: most of the time of these tests."""
    monkeypatch.setattr(gc, "collect", lambda *_: 0)
