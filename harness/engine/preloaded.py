"""What the server that workers are forked from imports, and how it takes signals.

Ctrl-C and SIGTERM may be sent to all processes of a command. The server outlives both, since its
end would look like that of its workers. These inherit the handlers, so that a request that comes
before a worker's first line is heeded too.
"""

from __future__ import annotations

import gc
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
gc.disable()  # see below

from harness.training import stopping  # noqa: E402 - nothing comes before the handler above

stopping.heed_sigterm()

import torch._dynamo  # noqa: E402, F401 - which the first optimiser imports

import harness.cell  # noqa: E402
import harness.engine.local  # noqa: E402
import harness.metrics.catalogue  # noqa: E402, F401
from harness.tracking import sqlite  # noqa: E402

sqlite.preload()
gc.collect()
gc.freeze()  # what is there now stays, so that nobody need look through it for garbage
gc.enable()
