import ast
import io
import warnings
from pathlib import Path

import pytest
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import harness
from harness.core.printable import printable
from harness.core.terminal import PACKAGE, Console, echo, echo_row, show_warnings_plainly

ATTACKS = {
    "a colour": "\x1b[31mred",
    "a title": "\x1b]0;owned\x07",
    "an eight-bit sequence": "\x9b2J",
    "back over the line": "ok\rfailed",
    "erased": "ok\x08\x08",
    "turned": "\u202eexe.png",
    "not UTF-8": "\udcff",
    "a line break of Unicode": "a\u2028b",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_character_that_commands_a_terminal_is_printed(attack, capsys):
    file = io.StringIO()
    console = Console(file=file, width=200)
    table = Table(escape(attack), title=escape(attack))
    table.add_row(escape(attack))
    console.print(table)
    console.print(escape(attack))
    console.print(Text(attack))
    with Progress(console=console) as progress:
        progress.add_task(escape(attack), total=1)
    echo(attack)
    echo_row([attack, "x"])
    for said in (file.getvalue(), capsys.readouterr().out):
        assert printable(said, keep="\n\t") == said
        assert printable(attack) in said


def test_warnings_are_printed_as_other_texts_are(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    show_warnings_plainly()
    said = warnings.formatwarning(ATTACKS["a title"], UserWarning, "x\x1b.py", 1)
    assert printable(ATTACKS["a title"]) in said
    assert printable(said, keep="\n") == said


def test_a_warning_of_the_harness_is_one_line_without_a_place_in_its_code(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    show_warnings_plainly()
    place = str(PACKAGE / "families" / "base.py")
    said = warnings.formatwarning("a large code\x1b", UserWarning, place, 1)
    assert said == "harness: a large code\\x1b\n"
    assert place in warnings.formatwarning("old", DeprecationWarning, place, 1)


def test_text_of_any_language_stays():
    text = "é 猫 犬 × ± → “said” 👩\u200d🔬 شكرا"
    assert printable(text) == text


def test_a_cell_stays_one_cell(capsys):
    echo_row(["a\tb", "c\nd"])
    assert capsys.readouterr().out == "a\\tb\tc\\nd\n"


def test_everything_is_printed_through_it():
    """Neither rich's console nor click's echo is used elsewhere."""
    package = Path(harness.__file__).parent
    for file in package.rglob("*.py"):
        if file == package / "core/terminal.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich.console"):
                assert "Console" not in {alias.name for alias in node.names}, file
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("typer.echo", "click.echo", "sys.stdout.write"), (
                    file
                )
