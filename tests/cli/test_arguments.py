"""Arguments that are given but empty."""

import pytest

from harness.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("score", ""), "after score"),
        (("score", "samples", "--reference", ""), "after --reference"),
        (("score", "samples", "--reference", " "), "after --reference"),
        (("score", "samples", "--train="), "--train is given an empty value"),
        (("score", "samples", "--json", ""), "after --json"),
        (("run", "quickstart", "--models", ""), "after --models"),
        (("leaderboard", "--against="), "--against is given an empty value"),
        (("",), "at the start"),
    ],
)
def test_an_empty_argument_is_named(monkeypatch, capsys, arguments, said):
    monkeypatch.setattr("sys.argv", ["harness", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert said in captured.err
    assert captured.err.count("\n") == 1
