"""What the server of worker processes leaves behind."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import time
from harness.engine import forkserver
forkserver.context()
print("up", flush=True)
time.sleep({seconds})
"""


def start(folder: Path, seconds: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds=seconds)],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def sockets(folder: Path) -> list[Path]:
    return list(folder.rglob("pymp-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="workers are spawned elsewhere")
def test_a_command_that_was_killed_leaves_a_folder_that_the_next_one_removes():
    folder = Path("/tmp") / f"harness-test-{os.getpid()}"
    folder.mkdir()
    try:
        for _ in range(2):
            process = start(folder, 60)
            assert len(sockets(folder)) == 1
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        process = start(folder, 0)
        _, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert sockets(folder) == []
    finally:
        shutil.rmtree(folder)
