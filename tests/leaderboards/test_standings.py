from dataclasses import replace

import pytest
from stored_runs import cell, fid, gathered, value

from harness.config.quoted import HowMeasured, Quote, QuotedSpread
from harness.core.errors import BadInput
from harness.core.measurement import PREFERENCE
from harness.core.protocol import Protocol
from harness.leaderboards.standings import standings

LEVELS = {"gan/mlp": 9.0, "vae/mlp": 3.0}


def store(levels=LEVELS, protocol=None, **fields):
    """Three seeds of each model, two per cent apart."""
    how = protocol or fid()
    return [
        cell(model, seed, (value(level * (1 + 0.02 * seed), how),), **fields)
        for model, level in levels.items()
        for seed in range(3)
    ]


def quote(**fields):
    stated = {"version": 1, "samples": 100, **fields.pop("protocol", {})}
    given = {
        "model": "theirs", "dataset": "digits", "metric": "fid", "value": 2.0, "source": "a paper",
        "protocol": HowMeasured(**stated), **fields,
    }  # fmt: skip
    return Quote(**given)


def test_against_a_model_others_are_better_or_worse():
    found = standings(gathered(*store()), against="gan/mlp")
    (board,) = found.boards
    said = board.row("vae/mlp").versus
    assert (said.outcome, said.kind) == ("not told apart", "ratio")
    assert said.value == pytest.approx(1 / 3)
    assert said.level == 0.75, "the ratio is the same in all three seeds, which are too few"
    assert board.row("gan/mlp").versus is None


def test_against_a_name_of_several_entries_is_the_one_of_the_largest_budget_on_each_board():
    shorter = {"budget.images": "50"}
    runs = [*store(), *store({"gan/mlp": 5.0}, params=shorter, day=1)]
    elsewhere = store({"gan/mlp": 5.0, "vae/mlp": 4.0}, fid("ring"), params=shorter, dataset="ring",
                      day=2)  # fmt: skip
    found = standings(gathered(*runs, *elsewhere), against="gan/mlp")
    assert found.against == ("gan/mlp (images=100)", "gan/mlp (images=50)")
    assert {board.dataset: board.against for board in found.boards} == {
        "digits": "gan/mlp (images=100)", "ring": "gan/mlp (images=50)",
    }  # fmt: skip
    for board in found.boards:
        assert all((row.versus is None) == (row.model == board.against) for row in board.rows)
    assert any(
        notice.startswith("Compared with gan/mlp (images=100): of the entries of that name ")
        for notice in found.notices
    )


def test_against_must_be_on_the_leaderboard():
    runs = [*store(), *store({"gan/mlp": 5.0}, params={"recipe.width": "8"}, day=1)]
    found = standings(gathered(*runs), against="gan/mlp (width=8)")
    assert found.against == ("gan/mlp (width=8)",)
    assert any(notice.startswith("gan/mlp: one name for several") for notice in found.notices)
    with pytest.raises(BadInput, match="did you mean 'vae/mlp'"):
        standings(gathered(*runs), against="vae/mpl")


def test_numbers_of_another_protocol_stand_apart_and_the_field_is_named():
    other = store({"gan/mlp": 4.0}, fid(samples=50), day=1, params={"recipe.width": "8"})
    first, second = standings(gathered(*store(), *other)).boards
    assert (first.apart, len(first.rows)) == ("", 2)
    assert second.apart == "counts (n=100 against n=50)"
    assert [row.model for row in second.rows] == ["gan/mlp (width=8)"]


def test_what_is_chosen_is_drawn_against_costs_that_are_not_shown():
    cost = Protocol("parameters", dataset="digits")
    runs = [
        replace(run, numbers=(*run.numbers, value(float(len(run.model) + i), cost)))
        for i, run in enumerate(store())
    ]
    found = standings(gathered(*runs, metrics=["fid"]), chosen=["fid"])
    assert [board.metric for board in found.boards] == ["fid"]
    assert [(f.quality.metric, f.cost.metric) for f in found.fronts] == [("fid", "parameters")]
    both = standings(gathered(*runs, metrics=["fid", "parameters"]), chosen=["fid", "parameters"])
    assert [board.metric for board in both.boards] == ["fid", "parameters"]


def test_unequal_budgets_are_said():
    runs = [*store(), *store({"long/mlp": 1.0}, params={"budget.images": "5000"})]
    notice, *_ = standings(gathered(*runs)).notices
    assert "budgets differ on digits" in notice
    assert "100 to 5" in notice


def test_two_budgets_of_one_recipe_are_two_entries_that_a_board_ranks_and_names():
    long = [
        cell("gan/mlp", seed, (value(1.0 + 0.05 * seed**2, fid()),), run_id=f"long-{seed}",
             params={"budget.images": "5000"})
        for seed in range(3)
    ]  # fmt: skip
    found = standings(gathered(*store({"gan/mlp": 9.0}), *long))
    (board,) = found.boards
    assert [(row.model, row.rank, row.seeds) for row in board.rows] == [
        ("gan/mlp (images=5000)", 1, 3), ("gan/mlp (images=100)", 2, 3),
    ], "no seed of one budget counts for the other"  # fmt: skip
    assert found.images["gan/mlp (images=5000)"] == 5000
    assert any(notice.startswith("gan/mlp: one name for several") for notice in found.notices)


def test_how_many_entries_are_undertrained_or_of_unknown_training_is_said():
    collected = gathered(*store())
    unknown = standings(collected)
    assert unknown.marks == {}
    assert unknown.notices == (
        "Whether 2 of 2 trained entries are undertrained is not recorded; `harness run` of a "
        "finished suite records it, and trains nothing.",
    )
    few = {"undertrained": "it made only 5 steps"}
    states = {("digits", "gan/mlp"): few, ("digits", "vae/mlp"): {}}
    found = standings(replace(collected, maturity=states))
    assert found.marks == {("digits", "gan/mlp"): few}
    assert found.notices == (
        "1 of 2 trained entries is marked as undertrained: still learning when the budget ended, "
        "so that more training may change all numbers.",
    )
    assert standings(replace(collected, maturity=dict.fromkeys(states, ""))).notices == ()


def test_failed_and_diverged_cells_are_never_numbers():
    lost = [cell("bad", s, (), status="diverged", reason="nan") for s in (1, 2)]
    runs = [*store(), cell("bad", 0, (value(1.0, fid()),)), *lost]
    (board,) = standings(gathered(*runs), against="gan/mlp").boards
    row = board.row("bad")
    assert (row.rank, row.seeds, row.failures) == (None, 1, {"diverged": 2})
    assert row.versus is None


def test_a_number_that_is_not_finite_is_not_ranked():
    runs = [*store(), *(cell("bad", s, (value(float("inf"), fid()),)) for s in range(3))]
    (board,) = standings(gathered(*runs)).boards
    assert (board.row("bad").mean, board.row("bad").rank) == (None, None)
    assert [row.rank for row in board.rows] == [1, 1, None]


def test_an_interval_too_wide_for_a_number_ends_in_infinity():
    wild = [cell("wild", s, (value(10.0 ** (150 * s - 150), fid()),)) for s in range(3)]
    (board,) = standings(gathered(*store(), *wild)).boards
    assert board.row("wild").high == float("inf")


def test_a_quote_stands_with_numbers_of_its_protocol_only():
    (same,) = standings(gathered(*store()), quotes=[quote()]).mentions
    assert same.apart == ""
    found = standings(gathered(*store()), quotes=[quote(protocol={"samples": 50_000})])
    assert found.mentions[0].apart == "samples: 50000 against 100"
    assert found.boards[0].row("theirs (quoted)") is None
    unstated = replace_protocol(quote(), HowMeasured(samples=100))
    (mention,) = standings(gathered(*store()), quotes=[unstated]).mentions
    assert mention.apart == "not stated: version"


def replace_protocol(of: Quote, how: HowMeasured) -> Quote:
    return of.model_copy(update={"protocol": how})


def test_a_quoted_spread_over_seeds_is_compared_and_one_number_is_not_ranked():
    seeds = QuotedSpread(kind="sd over seeds", value=0.02, seeds=5)
    (board,) = standings(gathered(*store()), quotes=[quote(spread=seeds)]).boards
    row = board.row("theirs (quoted)")
    assert (row.quoted, row.rank, row.seeds) == (True, 1, 5)
    assert row.low < 2.0 < row.high
    (board,) = standings(gathered(*store()), quotes=[quote()]).boards
    assert (board.row("theirs (quoted)").rank, board.row("theirs (quoted)").low) == (None, None)
    error = QuotedSpread(kind="standard error", value=0.02, over="images")
    (board,) = standings(gathered(*store()), quotes=[quote(spread=error)]).boards
    assert board.row("theirs (quoted)").low is None, "what is over images is not over seeds"


def test_what_is_quoted_of_what_nobody_measured_stands_apart():
    (mention,) = standings(gathered(*store()), quotes=[quote(dataset="cifar10")]).mentions
    assert mention.apart == "fid is not measured on cifar10 here"


def test_preference_of_people_is_a_metric_and_unknown_ones_are_said():
    tally = Protocol(PREFERENCE, dataset="digits", settings={"tally": "1a", "voters": 2})
    other = replace(tally, settings={"tally": "2b", "voters": 9})
    plugin = Protocol("theirs.metrics:OWN", dataset="digits")
    runs = [cell(numbers=(value(0.7, tally), value(1.0, plugin))),
            cell("vae/mlp", numbers=(value(-0.7, tally),)),
            cell("vae/mlp", 1, numbers=(value(0.1, other),))]  # fmt: skip
    found = standings(gathered(*runs))
    assert [(board.metric, board.apart) for board in found.boards] == [
        (PREFERENCE, ""),
        (PREFERENCE, "tally (tally=1a against tally=2b), voters (voters=2 against voters=9)"),
    ]
    assert [row.model for row in found.boards[0].rows] == ["gan/mlp", "vae/mlp"]
    assert "Metrics that this installation does not know: theirs.metrics:OWN." in found.notices


def test_repeated_and_unfinished_runs_are_said():
    runs = [*store(), *store({"gan/mlp": 9.0}, day=1), cell("new", status="training")]
    notices = " ".join(standings(gathered(*runs)).notices)
    assert "3 runs of a seed that an earlier run of the same entry has too" in notices
    assert "1 run of cells whose training has not ended" in notices
