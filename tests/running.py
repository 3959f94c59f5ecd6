"""The `harness` command as a process of its own."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """The `harness` command as a user starts it: another process, in a folder of its own."""

    folder: Path
    tracking_uri: str | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        if self.tracking_uri:
            environment["MLFLOW_TRACKING_URI"] = self.tracking_uri
        root = Path(__file__).parent.parent
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": path, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the command and its workers, as a machine that goes down does it."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
