import subprocess
import sys

SLOW = "sklearn", "scipy.stats", "statsmodels", "matplotlib", "torch._dynamo"
"""Each takes a second or so to load; a few cells need some of them, and most need none."""


def test_a_run_loads_no_slow_library_before_a_cell_asks_for_it() -> None:
    code = f"import sys, harness.engine.execute; print(*(m for m in {SLOW!r} if m in sys.modules))"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []
