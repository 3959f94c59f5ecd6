"""What a cell takes is its own, whichever cells its process did before."""

from pathlib import Path

import pandas as pd
import pytest
from running import Command

from harness.data import load_dataset
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.plan import shape_of
from harness.training import memory

SUITE = """
title: Memory
seeds: [0, 1]
budget: {images: 1280}
datasets: [digits]
models: [vae/vae]
metrics: [peak_memory]
"""


@pytest.mark.skipif(not memory.can_start_anew("cpu"), reason="peaks are read from Linux's /proc")
def test_the_first_cell_of_a_process_does_not_carry_its_warm_up(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(SUITE)
    ended = Command(tmp_path)("run", "small.yaml", "--jobs", "1", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(tmp_path / "runs/small/results.csv").set_index("seed")
    first, second = (table.loc[seed, "value"] for seed in (0, 1))
    assert first < 2 * second + 2, "MiB; all that libraries allocate once is 20"


def test_where_peaks_cannot_be_told_apart_there_is_no_number(monkeypatch):
    dataset = load_dataset("digits")
    family = build_family("vae", {}, shape_of(dataset))
    assert "memory" not in model_subject("vae/vae", family, dataset, 10).obstacles
    monkeypatch.setattr(memory, "_CLEAR_REFS", Path("/proc/no/such/file"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    why = model_subject("vae/vae", family, dataset, 10).obstacles["memory"]
    assert why == "this system tells no peak of memory from those before it"
