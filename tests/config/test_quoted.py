from pathlib import Path

import pytest

from harness.config.quoted import load_quoted
from harness.core.errors import BadInput
from harness.core.protocol import Protocol
from harness.metrics import load_metric

GOOD = """\
quoted:
  - model: DDPM
    dataset: cifar10
    metric: fid
    value: 3.17
    source: Ho et al. 2020, Table 1
    images: 102_400_000
    protocol: {extractor: inception-tf2015, samples: 50000, quantisation: u8}
  - model: DDPM
    dataset: cifar10
    metric: is
    value: 9.46
    source: Ho et al. 2020, Table 1
    spread: {kind: standard error, value: 0.11, over: splits}
"""


def load(folder: Path, text: str):
    (folder / "papers.yaml").write_text(text)
    return load_quoted(folder / "papers.yaml", lambda quote: load_metric(quote.metric))


def test_a_file_of_quotes(tmp_path):
    first, second = load(tmp_path, GOOD)
    assert (first.value, first.images, first.spread.kind) == (3.17, 102_400_000, "none stated")
    assert (second.spread.value, second.spread.over) == (0.11, "splits")


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("metric: fid", "metric: fidd"), 2, "did you mean 'fid'"),
        (("value: 3.17", "value: about 3"), 5, "about 3"),
        (("value: 3.17", "value: .nan"), 5, "finite"),
        (("source: Ho et al. 2020, Table 1\n    images", "images"), 2, "source"),
        (("samples: 50000", "sampels: 50000"), 8, "sampels"),
        (("value: 0.11, ", ""), 14, "'value' goes with"),
        (("kind: standard error, value: 0.11, over: splits", "kind: sd over seeds, value: 0.1"),
         14, "needs 'seeds'"),
        (("metric: is\n    value: 9.46", "metric: fid\n    value: 9.46"), 0, ""),
        (("quoted:", "quotes:"), 1, "quotes"),
        ((GOOD, "quoted: []\n"), 1, "'quoted' is empty"),
        (("dataset: cifar10", "dataset: cifar10["), 2, "cifar10["),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path, change, line, said):
    assert change[0] in GOOD
    text = GOOD.replace(*change, 1)
    if not line:  # the same metric of the same model by another protocol is another number
        assert len(load(tmp_path, text)) == 2
        return
    with pytest.raises(BadInput) as error:
        load(tmp_path, text)
    assert f"papers.yaml:{line}:" in str(error.value)
    assert said in str(error.value)


def test_a_number_is_quoted_once(tmp_path):
    twice = GOOD + GOOD.removeprefix("quoted:\n").split("  - model")[1].join(["  - model", ""])
    with pytest.raises(BadInput, match="fid of 'DDPM' on cifar10 is quoted twice"):
        load(tmp_path, twice)


def test_what_a_source_does_not_state_may_differ(tmp_path):
    first, second = load(tmp_path, GOOD)
    measured = Protocol("fid", extractor="inception-tf2015", quantisation="u8", samples=10_000)
    assert first.differs(measured) == ["samples: 50000 against 10000", "not stated: version"]
    assert second.differs(measured) == ["not stated: version, extractor, quantisation, samples"]
