"""Stopping the workers of this machine, whatever they are at."""

import multiprocessing
import signal
import time
from multiprocessing.process import BaseProcess

from harness.engine.local import _Stop
from harness.engine.packing import Packing


def test_a_process_that_starts_as_the_others_are_ended_is_ended_too():
    packing = Packing([], [])
    stop = _Stop(packing)
    assert not stop.check()
    context = multiprocessing.get_context("spawn")
    early, late = (context.Process(target=time.sleep, args=(600,)) for _ in range(2))
    early.start()
    assert not stop.check()
    assert early.is_alive()
    stop(BaseProcess.kill)
    late.start()
    assert stop.check()
    for process in (early, late):
        process.join()
        assert process.exitcode == -signal.SIGKILL
