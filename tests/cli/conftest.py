"""A real store that two suites, two people and two machines wrote to; nothing was trained."""

import io
from pathlib import Path

import pytest
from PIL import Image
from stored_runs import cell, fid, put, value

from harness.core.measurement import PREFERENCE
from harness.core.protocol import Protocol
from harness.tracking import Store, default_uri

XEON = {"numerics.name": "Xeon"}
VOTES = Protocol(PREFERENCE, dataset="digits", settings={"voters": 2, "votes": 40, "tally": "1a"})


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has it as its default store."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(default_uri(folder / "runs"), folder / "runs")
    picture = io.BytesIO()
    Image.new("L", (19, 10)).save(picture, "PNG")
    for seed in range(3):
        numbers = (
            value(9.0 + seed / 10, fid(), stderr=0.2, over="images"),
            value(-0.5 - seed / 100, VOTES, "v"),
        )
        run = put(store, "anns", cell(seed=seed, numbers=numbers))
        store.put(run, "pictures/samples.png", picture.getvalue())
        put(store, "bobs", cell(seed=seed + 3, numbers=(value(9.3, fid()),), params=XEON))
        numbers = (value(3.0 + seed / 10, fid()), value(0.5 + seed / 100, VOTES, "v"))
        changed = XEON | {"recipe.width": "128"}
        put(store, "bobs", cell("vae/mlp", seed, numbers, params=changed))
    lost = cell("vae/mlp", 3, status="diverged", reason="loss became NaN [at] 5",
                params={"recipe.width": "128"})  # fmt: skip
    put(store, "bobs", lost)
    put(store, "bobs", cell("new", 0, (value(7.0, fid(samples=50)),)))
    return folder
