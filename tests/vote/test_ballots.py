import json
import re
from pathlib import Path

import pytest

from harness.core.errors import BadInput
from harness.vote.ballots import MOST_BYTES, read_votes

GOOD = {
    "harness_votes": 1, "page": "ab12", "run": "cd34", "suite": "s", "voter": "",
    "votes": [{"pair": 0, "choice": "left", "seconds": 1.5}],
}  # fmt: skip


def read(folder: Path, text: str):
    file = folder / "votes.json"
    file.write_text(text)
    return read_votes(file)


def test_what_the_page_saves_is_read(tmp_path: Path):
    assert read(tmp_path, json.dumps(GOOD)).votes[0].choice == "left"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"harness_votes": 2}, "harness_votes: Input should be 1"),
        ({"page": "../../etc"}, "page: String should match pattern"),
        ({"run": "AB"}, "run: String should match pattern"),
        ({"votes": []}, "votes: Tuple should have at least 1 item"),
        (
            {"votes": [{**GOOD["votes"][0], "choice": "up"}]},
            "votes.0.choice: Input should be 'left'",
        ),
        ({"votes": [{**GOOD["votes"][0], "pair": -1}]}, "votes.0.pair: Input should be greater"),
        (
            {"votes": [{**GOOD["votes"][0], "pair": "0"}]},
            "votes.0.pair: Input should be a valid int",
        ),
        ({"votes": GOOD["votes"] * 2}, "pair 0 is answered 2 times"),
        (
            {"votes": [{**GOOD["votes"][0], "seconds": "1"}]},
            "votes.0.seconds: '1': should be",
        ),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_nonsense_is_named_with_its_place(tmp_path: Path, change: dict, message: str):
    with pytest.raises(BadInput, match=re.escape(message)):
        read(tmp_path, json.dumps(GOOD | change))


@pytest.mark.parametrize("text", ["", "not json", "[", "x" * (MOST_BYTES + 1), "NaN"])
def test_other_files_are_no_vote_files(tmp_path: Path, text: str):
    with pytest.raises(BadInput, match=r"votes\.json: "):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadInput, match="No such file"):
        read_votes(tmp_path / "none.json")
