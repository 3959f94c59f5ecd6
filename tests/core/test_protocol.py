from dataclasses import replace

from harness.core.protocol import Protocol

FID = Protocol(
    "fid", 1, "cifar10", "inception-tf2015@6726825d", "tf1-bilinear", "u8", 10000, 10000, "test"
)


def test_the_label_reads_as_in_the_design():
    label = "fid[inception-tf2015@6726825d, tf1-bilinear, u8, n=10000/10000 test]"
    assert FID.label() == label


def test_settings_and_later_versions_are_in_the_label():
    recall = Protocol("recall", 2, extractor="e@1", samples=5, settings={"k": 5})
    assert recall.label() == "recall[e@1, n=5, k=5, v2]"


def test_a_metric_that_nothing_else_matters_to_is_just_named():
    assert Protocol("parameters").label() == "parameters"


def test_every_field_is_part_of_the_key_and_named_when_it_differs():
    changes = {
        "metric": "kid", "version": 2, "dataset": "mnist", "extractor": "x", "preprocessing": "y",
        "quantisation": "", "samples": 1, "reference": 2, "split": "train",
        "reference_digest": "d", "settings": {"k": 3},
    }  # fmt: skip
    assert set(changes) == set(FID.to_dict())
    for name, value in changes.items():
        other = replace(FID, **{name: value})
        assert other.key() != FID.key(), name
        assert FID.differs(other) == [name]
