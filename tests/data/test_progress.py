from harness.data.progress import bar


def test_nothing_is_drawn_where_nobody_watches(capsys):
    with bar("mnist", 3) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with bar("cats[size=32]", 3) as advance:
        advance(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "cats[size=32]" in err
    assert "3/3" in err
