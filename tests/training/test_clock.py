"""What counts as the time of a model."""

import time

import pytest
import torch

from harness.training.clock import clock

NAP = 0.2


def seconds_of_a_nap(**how: str) -> float:
    now = clock(torch.device(how.pop("device", "cpu")), **how)  # type: ignore[arg-type]
    started = now()
    time.sleep(NAP)
    return now() - started


def test_on_a_cpu_the_time_that_others_have_the_processor_does_not_count():
    assert seconds_of_a_nap() < NAP / 2


@pytest.mark.parametrize("how", [{"device": "cuda"}, {"accelerate": "compile"}])
def test_where_others_compute_it_is_the_time_by_the_clock(how: dict[str, str]):
    assert seconds_of_a_nap(**how) >= NAP
