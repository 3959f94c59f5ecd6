"""`harness vote` and `harness vote tally`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from harness.cli import option_groups, options, suite_options
from harness.cli.arguments import command_with_old_names
from harness.cli.tables import console_beside, print_line
from harness.config.shipped import shipped_files
from harness.core.counting import counted
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.vote.tally import Tally


class _PageByDefault(typer.core.TyperGroup):
    """`harness vote SUITE` is `harness vote page SUITE`: a word that is no verb is a suite."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["page", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_PageByDefault,
    help="Ask people which of two samples they prefer, for the leaderboard.\n\n"
    "`harness vote SUITE` writes a page, `harness vote tally FILE…` counts what it saved.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("page", cls=command_with_old_names({"--page": "--out"}))
@option_groups.with_option_groups
def page(
    chosen: suite_options.SuiteOptions,
    pairs: Annotated[int, typer.Option(help="How many pairs to ask about.", min=1)] = 100,
    draw: Annotated[int, typer.Option(help="Another number draws other pairs.", min=0)] = 0,
    out: options.Out = Path("vote.html"),
) -> None:
    """Write a page that shows pairs of a suite's samples, blinded and shuffled.

    The page needs no server: open it in a browser, choose with the arrow keys, save the file. What
    makes it blind is kept in the suite's run.

    **Examples**

        harness vote quickstart

        harness vote page quickstart --pairs 200 --draw 1 -o second.html
    """
    from harness.data.output_files import make_folder
    from harness.vote.page import write_page

    loaded = chosen.load()
    make_folder(out)
    chosen.check_outputs(loaded, out)
    console = console_beside(out)
    plan, store, _ = chosen.measured(loaded)
    made = write_page(plan, store, pairs, draw, out)
    for notice in made.left_out:
        print_line(console, notice)
    print_line(
        console,
        f"{out}: {counted(len(made.key.pairs), 'pair')} of "
        f"{counted(len(made.key.entrants), 'entrant')}. Open it in a "
        "browser, then: harness vote tally FILE…",
    )


@app.command("tally")
@option_groups.with_option_groups
def tally(
    results: suite_options.StoreOptions,
    files: Annotated[list[Path], typer.Argument(help="Files that the page saved, one a voter.")],
) -> None:
    """Count votes: a Bradley–Terry model, recorded as the metric `human_preference`.

    The strengths join the suite's leaderboard (`harness report`), in place of an earlier tally's.

    **Examples**

        harness vote tally votes-1a2b3c4d.json

        harness vote tally ada.json grace.json
    """
    from harness.vote.tally import read_ballots, record
    from harness.vote.tally import tally as count

    store = results.open_existing()
    ballots = read_ballots(files, store)
    outcome = count(ballots)
    record(outcome, ballots, files, store)
    console = Console()
    _show(console, outcome, ballots[0].votes.suite)
    for number in outcome.unsteady:
        alike = ballots[number].repeats
        print_line(
            console,
            f"{files[number]}: only {sum(alike)} of {counted(len(alike), 'repeated pair')} "
            "answered alike, as by a coin; its votes are counted, and reports say so beside the "
            "numbers.",
        )


def _show(console: Console, tally: Tally, suite: str) -> None:
    table = Table("dataset", "model", "seed", "strength", "± over votes", "votes")
    ordered = sorted(tally.standings, key=lambda s: (s.entrant.dataset, -s.strength.value))
    for standing in ordered:
        entrant, strength = standing.entrant, standing.strength
        value = round(strength.value, 2) + 0.0  # no negative zero
        numbers = f"{value:+.2f}", f"{strength.stderr:.2f}", str(standing.votes)
        table.add_row(escape(entrant.dataset), escape(entrant.model), str(entrant.seed), *numbers)
    console.print(table)
    sentences = [
        f"{counted(tally.votes, 'vote')} of {counted(tally.voters, 'voter')}, "
        f"{counted(tally.ties, 'tie')} among them; strength is the log odds of being preferred to "
        "an average entrant, ± its standard error over votes"
    ]
    if tally.agreement is not None:
        sentences.append(f"the voters' agreement (Fleiss' kappa) is {tally.agreement:.2f}")
    if tally.steadiness is not None:
        sentences.append(f"{tally.steadiness:.0%} of the repeated pairs were answered alike")
    print_line(console, "; ".join(sentences) + ".")
    board = f"On the board: harness report {suite}"
    if suite not in shipped_files("suites"):  # its file's place is known to its user alone
        board = f"The next report of the suite {suite} has them on its boards."
    print_line(console, board)
