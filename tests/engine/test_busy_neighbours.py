import subprocess
import sys
import time

import pytest

from harness.engine import background_load as module
from harness.engine.background_load import background_load


def processor_seconds(pid: int) -> float:
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()  # noqa: PTH123, SIM115
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_they_are_busy_while_it_lasts_and_gone_after(monkeypatch: pytest.MonkeyPatch):
    started: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def noted(*args: object, **options: object) -> subprocess.Popen[str]:
        started.append(popen(*args, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(module.subprocess, "Popen", noted)
    with background_load(2):
        before = [processor_seconds(process.pid) for process in started]
        time.sleep(1)
        assert all(process.poll() is None for process in started)
        after = [processor_seconds(process.pid) for process in started]
        assert all(b > a for a, b in zip(before, after, strict=True))
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_nobody_comes_where_one_cell_runs_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.subprocess, "Popen", None)
    for count in (0, -1):
        with background_load(count):
            pass


def test_they_go_when_what_is_measured_fails():
    with pytest.raises(ZeroDivisionError), background_load(1):
        raise ZeroDivisionError
