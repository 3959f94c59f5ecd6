"""The `harness` command as a process of its own."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.main import main


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


@dataclass(frozen=True)
class Inside(Command):
    """The same in this process, which starts at once: for what needs no process of its own."""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.chdir(self.folder)
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            if self.tracking_uri:
                patch.setenv("MLFLOW_TRACKING_URI", self.tracking_uri)
            patch.setenv("COLUMNS", "200")
            patch.setattr("sys.argv", ["harness", *arguments])
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the command and its workers, as a machine that goes down does it."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
