"""Python code in processes that start at once: forked from one that has imported what all need."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

SERVER = """
import json, os, sys, traceback
from importlib import import_module

for name in json.loads(sys.stdin.readline()):
    import_module(name)
for line in sys.stdin:
    code, folder = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(folder)
    for descriptor, name in enumerate((os.devnull, "stdout.txt", "stderr.txt")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), descriptor)
    failed = True
    try:
        exec(code, {"__name__": "__main__"})
        failed = False
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(failed)
"""


class Forks:
    """Runs code within `with`. `modules` are imported once, and start no threads."""

    def __init__(self, modules: Iterable[str]) -> None:
        self._modules = list(modules)

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(self._modules)
        return self

    def __call__(self, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the code in a folder, which keeps its output; the exit code is 1 if it raises."""
        self._send([code, str(folder)])
        assert self._server.stdout
        ended = int(self._server.stdout.readline())
        out, err = ((folder / f"{name}.txt").read_text() for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(code, ended, out, err)

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=60)

    def _send(self, value: object) -> None:
        assert self._server.stdin
        self._server.stdin.write(json.dumps(value) + "\n")
        self._server.stdin.flush()
