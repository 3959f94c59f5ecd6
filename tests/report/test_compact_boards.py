import dataclasses

import pytest
from synthetic_results import synthetic

from harness.report import page
from harness.report.compact_boards import COLUMNS, compact_boards
from harness.report.dot_axis import EDGE, WIDTH

MODELS = ["autoencoder/conv", "vae/vae", "gan/dcgan", "diffusion/ddpm"]


@pytest.fixture(scope="module")
def results():
    return synthetic()


def titles(results, dataset="digits"):
    return [column.title for column in compact_boards(results, MODELS)[dataset].columns]


def test_metrics_of_claims_come_first_and_there_are_few(results):
    asked = {part.metric for v in results.verdicts for part in v.parts if part.dataset == "digits"}
    first = {results.metrics[name].heading for name in asked}
    shown = titles(results)
    assert len(shown) == COLUMNS
    assert set(shown) <= first
    unasked = titles(dataclasses.replace(results, verdicts=results.verdicts[:1]))
    parts = [part for part in results.verdicts[0].parts if part.dataset == "digits"]
    first = {results.metrics[part.metric].heading for part in parts}
    assert set(unasked[: len(first)]) == first
    assert len(unasked) == COLUMNS


def test_a_metric_that_one_model_has_is_no_comparison(results):
    alone = [
        dataclasses.replace(b, rows=tuple(r for r in b.rows if r.model == "vae/vae"))
        if b.metric == "fid"
        else b
        for b in results.boards
    ]
    assert "Fréchet distance" in titles(results)
    assert "Fréchet distance" not in titles(dataclasses.replace(results, boards=alone))


def test_a_metric_in_doubt_is_left_to_the_whole_board(results):
    board = next(b for b in results.boards if (b.dataset, b.metric) == ("digits", "fid"))
    doubts = {("digits", board.protocol_key): "fooled by blur"}
    assert "Fréchet distance" not in titles(dataclasses.replace(results, doubts=doubts))


def test_dots_lie_on_the_axis_in_the_order_of_their_values(results):
    for board in compact_boards(results, MODELS).values():
        for index in range(len(board.columns)):
            dots = [dots[index] for _, _, dots in board.rows if dots[index]]
            assert all(EDGE <= dot.at <= WIDTH - EDGE for dot in dots)
            by_value = sorted(dots, key=lambda dot: dot.value)
            assert [dot.at for dot in by_value] == sorted(dot.at for dot in dots)
            assert all(dot.low <= dot.at <= dot.high for dot in dots if dot.low is not None)


def test_equal_values_stand_in_the_middle(results):
    row = dataclasses.replace(results.boards[0].rows[0], mean=1.0, low=None, high=None, values=())
    board = dataclasses.replace(
        results.boards[0],
        rows=(dataclasses.replace(row, model="a"), dataclasses.replace(row, model="b")),
        floor=None,
    )
    alike = dataclasses.replace(results, boards=[board])
    ((_, _, (dot,)), _) = compact_boards(alike, ["a", "b"])[board.dataset].rows
    assert (dot.at, dot.low, dot.high) == (WIDTH / 2, None, None)


def test_the_seeds_of_a_metric_that_tells_nobody_apart_are_shown_in_place_of_colours(results):
    values = {"vae/vae": (1.0, 2.0, 3.0), "gan/dcgan": (1.5, 2.5, 3.5)}
    row = results.boards[0].rows[0]
    rows = tuple(
        dataclasses.replace(row, model=model, rank=1, seeds=3, mean=seeds[1], low=None, high=None,
                            values=seeds)
        for model, seeds in values.items()
    )  # fmt: skip
    board = dataclasses.replace(results.boards[0], rows=rows, floor=None, mean="mean")
    alike = dataclasses.replace(results, boards=[board])
    compact = compact_boards(alike, list(values))[board.dataset]
    assert compact.columns[0].tied == "not told apart (n = 3)"
    ((_, _, (a,)), (_, _, (b,))) = compact.rows
    assert a.seeds[0] == EDGE
    assert b.seeds[-1] == WIDTH - EDGE
    assert a.seeds[1] == a.at
    html = page.report_html(alike)
    assert html.count('class="dots tied"') >= 2
    assert "not told apart (n = 3)" in html


def test_colours_stay_where_one_model_is_told_apart(results):
    assert any(board.tells_apart for board in results.boards)
    columns = compact_boards(results, MODELS)["digits"].columns
    assert not all(column.tied for column in columns)


def test_the_page_has_them_with_its_numbers_in_words(results):
    text = page.report_html(results)
    assert text.index('<section id="main">') < text.index('<section id="verdicts">')
    assert 'class="compact"' in text
