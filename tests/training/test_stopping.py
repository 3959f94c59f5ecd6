"""SIGTERM as a request."""

import os
import signal

import pytest

from harness.training import stopping


def test_sigterm_within_is_a_request_and_outside_what_it_was():
    before = signal.getsignal(signal.SIGTERM)
    also: list[str] = []
    with stopping.on_sigterm(lambda: also.append("told")):
        assert not stopping.requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.requested()
    assert also == ["told"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_request_does_not_outlast_the_next_beginning():
    with stopping.on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    with stopping.on_sigterm():
        assert not stopping.requested()


def test_the_handler_before_is_back_after_a_fault():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), stopping.on_sigterm():
        raise KeyError
    assert signal.getsignal(signal.SIGTERM) is before
