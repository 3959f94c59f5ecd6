"""Suites with code of their own, from the command to the numbers."""

import pandas as pd
import pytest
from running import Command
from user_models import write


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_family_beside_its_suite_trains_in_any_process(command: Command, jobs):
    """The command is given elsewhere, so that nothing but the suite's folder says where it is."""
    write(command.folder / "there", family="nets.linear:Net")
    ended = command("run", "there/suite.yaml", "--jobs", jobs, "--device", "cpu")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    table = pd.read_csv(command.folder / "reports" / "suite" / "results.csv")
    assert table[table.metric == "mse"].status.tolist() == ["ok", "ok"]
