"""What a report says of the training images that models were shown."""

import json
from dataclasses import replace

import pytest
from synthetic_results import synthetic

from harness.report.archive import record_files
from harness.report.budgets import are_unequal, bounds, budget_text, budgets_of, distinct_budgets
from harness.report.page import report_html, report_markdown
from harness.report.record import verdicts_document
from harness.statistics.formatting import number

EQUAL = synthetic()
FIRST, SECOND = (dataset.name for dataset in EQUAL.datasets)
MANY = number(76_800, 0)
PER_DATASET = replace(EQUAL, datasets=[EQUAL.datasets[0], replace(EQUAL.datasets[1], budget=600)])


def test_where_no_dataset_says_a_budget_all_are_the_suites():
    budgets = budgets_of(EQUAL)
    assert distinct_budgets(budgets) == [76_800]
    assert budget_text(budgets) == f"each shown {MANY} training images"
    assert not are_unequal(budgets)
    documents = json.loads(record_files(EQUAL)["report.json"])["datasets"]
    assert all("budget" not in document for document in documents)


def test_the_headline_says_the_budget_of_each_dataset():
    text = budget_text(budgets_of(PER_DATASET))
    assert text == f"each shown {MANY} training images on {FIRST}, 600 on {SECOND}"
    assert text in report_html(PER_DATASET)
    assert f" training images on {FIRST}, 600 on" in report_markdown(PER_DATASET)
    assert f"600 to {MANY}" in report_html(PER_DATASET)
    assert "600 to 76800" in report_markdown(PER_DATASET)


def test_budgets_of_datasets_that_differ_are_no_unequal_budgets_of_models():
    assert not are_unequal(budgets_of(PER_DATASET))
    assert "The budgets differ" not in report_html(PER_DATASET)
    shorter = replace(PER_DATASET.models[0], images=5)
    unequal = replace(PER_DATASET, models=[shorter, *PER_DATASET.models[1:]])
    assert are_unequal(budgets_of(unequal))
    assert budget_text(budgets_of(unequal)) == f"each shown 5 to {MANY} training images"
    assert "The budgets differ" in report_html(unequal)


def test_verdicts_name_every_budget():
    assert verdicts_document(PER_DATASET)["images"] == [600, 76_800]
    assert verdicts_document(EQUAL)["images"] == [76_800]


def test_a_model_has_the_budgets_of_the_datasets_that_it_is_on():
    name = PER_DATASET.models[0].name
    cells = [c for c in PER_DATASET.cells if (c.model, c.dataset) != (name, SECOND)]
    assert budgets_of(replace(PER_DATASET, cells=cells))[name] == {FIRST: 76_800}
    assert budgets_of(replace(PER_DATASET, cells=[]))[name] == {FIRST: 76_800, SECOND: 600}


def test_of_samples_from_elsewhere_no_budget_is_known():
    elsewhere = replace(PER_DATASET.models[0], name="elsewhere", images=None)
    budgets = budgets_of(replace(PER_DATASET, models=[elsewhere]))
    assert (budgets, budget_text(budgets)) == ({}, "with no budget recorded")


@pytest.mark.parametrize(("images", "both"), [([3], [3]), ([5, 3, 4], [3, 5]), ([3, 3], [3])])
def test_the_bounds_of_several_budgets(images, both):
    assert bounds(images) == both
