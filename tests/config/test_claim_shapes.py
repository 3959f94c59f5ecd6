import pytest
from pydantic import TypeAdapter, ValidationError

from harness.config.claim_parts import ModelAt
from harness.config.claim_shapes import SHAPES, AnyClaim, make_claim

COMMON = {"id": "c", "statement": "s"}
RIGHT = {
    "comparison": {"metric": "fid", "model": "a", "against": "b"},
    "threshold": {"metric": "auroc", "model": "a", "above": 0.5},
    "equivalence": {"metric": "mse", "model": "a", "against": "b", "delta": 0.1},
    "monotone": {"metric": "mse", "models": ["a", "b", "c"], "direction": "falls"},
    "ordering": {"metric": "fid", "models": ["a", "b"]},
    "trade-off": {"model": "a", "against": "b", "better": "recall", "worse": "precision"},
    "correlation": {"metric": ["fid", "recall"], "models": ["a", "b", "c"], "above": 0.5},
    "spread": {"metric": "fid", "model": "a", "against": "b"},
    "frontier": {"metric": "fid", "cost": "time", "model": "a", "against": ["b", "c"]},
    "success": {"metric": "fid", "model": ["a", "b"], "against": "c", "below": 10},
}


def made(kind, **changes):
    said = {} if kind in ("comparison", "threshold") else {"shape": kind}
    fields = {**COMMON, **said, **RIGHT[kind], **changes}
    return make_claim(**{key: value for key, value in fields.items() if value is not None})


def refused(kind, **changes):
    with pytest.raises(ValidationError) as caught:
        made(kind, **changes)
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_its_own_type_and_comes_back_from_json(shape):
    claim = made(shape)
    assert type(claim) is SHAPES[shape]
    assert claim.measured
    assert {str(side) for side in claim.entrants} <= {"a", "b", "c"}
    assert make_claim(**claim.model_dump(mode="json")) == claim


def test_the_other_side_says_which_shape_it_is():
    assert made("comparison") == made("comparison", shape="comparison")
    assert made("threshold") == made("threshold", shape="threshold")


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ("comparison", {"against": None}, "exactly one of 'against', 'above' and"),
        ("comparison", {"above": 1}, "exactly one of 'against', 'above' and"),
        ("comparison", {"shape": "comparisn"}, "'comparisn'; did you mean 'comparison'?"),
        ("comparison", {"against": "a"}, "'model' and 'against' are both 'a'"),
        ("comparison", {"delta": {"fit": 1}}, "'fit', which the claim is not about; did you mean"),
        ("comparison", {"delta": -1}, "greater than or equal to 0"),
        ("comparison", {"model": {"model": "a", "at": 0}}, "greater than 0"),
        ("threshold", {"shape": "threshold", "below": 1}, "either 'above' or 'below'"),
        ("equivalence", {"delta": None}, "needs a 'delta' above 0"),
        ("equivalence", {"metric": ["mse", "ssim"], "delta": {"mse": 1}}, "a 'delta' above 0"),
        ("equivalence", {"equals": 0.5}, "either with a model, 'against', or 'equals' a number"),
        ("monotone", {"models": ["a", "b"]}, "a monotone claim needs at least 3 models"),
        ("monotone", {"models": ["a", "b", "a"]}, "'models' has 'a' twice"),
        ("ordering", {"models": ["a"]}, "an ordering claim needs at least 2 models"),
        ("trade-off", {"worse": None}, "needs two of 'better', 'worse' and 'same'"),
        ("trade-off", {"worse": "recall"}, "metric 'recall' is there twice"),
        ("trade-off", {"same": "fid"}, "'same' needs a 'delta' above 0 for 'fid'"),
        ("trade-off", {"against": "a"}, "'model' and 'against' are both 'a'"),
        ("correlation", {"metric": "fid"}, "is between two metrics"),
        ("correlation", {"below": 0.9}, "either 'above' or 'below'"),
        ("correlation", {"above": 1}, "less than 1"),
        ("correlation", {"failures": "lose"}, "'withhold' or 'drop'"),
        ("spread", {"against": "a"}, "'model' and 'against' are both 'a'"),
        ("frontier", {"against": "b"}, "needs two points or more"),
        ("frontier", {"against": ["a", "b"]}, "'a' is there twice"),
        ("frontier", {"cost": "fid"}, "'metric' and 'cost' are both 'fid'"),
        ("frontier", {"cost": None}, "training fractions of one model on each side"),
        ("frontier", {"failures": "lose"}, "'withhold' or 'drop'"),
        ("success", {"against": ["a", "d"]}, "'a' is there twice"),
        ("success", {"below": None}, "either 'above' or 'below' a constant"),
        ("success", {"above": 5}, "either 'above' or 'below' a constant"),
        ("success", {"delta": 1}, "less than 1"),
    ],
)
def test_each_shape_says_what_it_needs(shape, changes, message):
    assert message in refused(shape, **changes)


def test_what_is_no_mapping_is_no_claim():
    with pytest.raises(ValidationError, match="should be a mapping with 'id' and 'statement'"):
        TypeAdapter(AnyClaim).validate_python(3)


def test_points_in_training_are_sides():
    claim = made("monotone", models=[{"model": "a", "at": [0.1, 0.5]}, "a"])
    assert [str(side) for side in claim.models] == ["a@0.1", "a@0.5", "a"]
    assert claim.models[2] == ModelAt(model="a", at=1)


def test_a_margin_is_one_number_or_one_for_each_metric():
    claim = made("comparison", metric=["fid", "recall"], delta={"fid": 0.1})
    assert (claim.margin("fid"), claim.margin("recall")) == (0.1, 0.0)
    assert made("comparison", delta=0.2).margin("fid") == 0.2
