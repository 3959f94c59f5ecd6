"""What the server that workers are forked from imports, and how it takes signals.

Ctrl-C and SIGTERM may be sent to all processes of a command. The server outlives both, since its
end would look like that of its workers. These inherit the handlers, so that a request that comes
before a worker's first line is obeyed too.
"""

from __future__ import annotations

import gc
import os
import signal
from importlib import import_module

from harness.training import stopping

NEEDED = (
    "torch",
    "torch._dynamo",  # which the first optimiser imports
    "harness.engine.local",
    "harness.cell.run",
    "harness.metrics",
    "mlflow.store.tracking.sqlalchemy_store",  # which MLflow imports for the first SQLite file
)


def main() -> None:
    """Import all of `NEEDED`, unless the command ends before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.heed_sigterm()
    gc.disable()
    command = os.getppid()
    for name in NEEDED:
        import_module(name)
        if os.getppid() != command:
            os._exit(0)
    gc.collect()
    gc.freeze()  # what is there now stays, so that nobody need look through it for garbage
    gc.enable()


main()
