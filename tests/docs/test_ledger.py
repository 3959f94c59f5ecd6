"""docs/claims.md is what the ledger makes of the files of claims and the published reports."""

import json
from pathlib import Path

import pytest

from harness.config.claim_files import shipped_claim_files
from harness.config.claim_parts import Amendment
from harness.config.claim_shapes import make_claim
from harness.core.errors import BadInput
from harness.metrics import METRICS
from harness.report.ledger import Ledger, fooling_text, rule
from harness.report.ledger_rows import declared_text, remedy_text

ROOT = Path(__file__).parent.parent.parent
ASKED = "autoencoders, autoencoders-digits"
"""The suites that ask ae-bottleneck."""
STATEMENTS = [
    "ae-linear-pca", "ae-nonlinear-beats-pca", "ae-bottleneck", "ae-overcomplete", "ae-denoising",
    "ae-sparse", "ae-contractive", "ae-conv", "ae-stacked", "ae-perceptual", "ae-skip-sr",
    "ae-loss-robust", "ae-not-generative", "ae-interpolation", "ae-anomaly", "ae-retrieval",
    "ae-masked", "ae-adversarial", "ae-missing", "vae-blurry", "vae-covers", "vae-stable",
    "vae-kl-prior", "vae-beta-disentangles", "vae-collapse", "vae-bound-order",
    "vae-reparameterisation", "vae-gan", "vq-sharper", "vq-codebook", "gan-nonsaturating",
    "gan-mode-collapse", "gan-wgan-modes", "gan-gp-over-clipping", "gan-critic-tracks",
    "gan-minibatch", "gan-unrolled", "gan-packing", "gan-dcgan", "gan-losses", "gan-spectral",
    "gan-ttur", "gan-smoothing", "gan-feature-matching", "gan-attention", "gan-progressive",
    "gan-style-w", "gan-conditional", "gan-consensus", "gan-equilibrium", "gan-interpolation",
    "gan-augmentation", "gan-pix2pix", "gan-cycle", "diff-diversity", "diff-quality", "gan-faster",
    "diff-stable", "diff-ddim", "diff-cosine", "diff-simple-loss", "diff-min-snr",
    "diff-unet-skips", "diff-cfg", "diff-classifier-guidance", "diff-latent", "diff-flow",
    "diff-distilled", "diff-inpainting", "diff-text", "diff-video", "diff-memorise",
    "metric-fid-robust", "metric-is-blind", "metric-fid-bias", "metric-psnr-blur",
    "metric-no-single", "metric-extractor", "metric-seeds",
]  # fmt: skip


@pytest.fixture(scope="module")
def ledger():
    return Ledger.of(ROOT / "reports")


def test_the_page_is_what_the_ledger_makes(ledger):
    page = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    assert page == ledger.markdown(ROOT / "docs"), "run `harness ledger docs/claims.md`"


def test_every_statement_is_a_claim_with_a_source_and_something_that_decides_it():
    claims = [claim for shelf in shipped_claim_files() for claim in shelf.claims]
    for name in STATEMENTS:
        assert any(c.id == name or c.id.startswith(f"{name}-") for c in claims), name
    for claim in claims:
        assert claim.source, claim.id
        assert claim.measured, claim.id
        assert claim.why, f"{claim.id} does not say why its metric measures its statement"
        assert claim.fooled_by, f"{claim.id} does not say what would fool its metric"


def test_no_claim_says_nothing_fools_a_metric_whose_record_names_something():
    for claim in (claim for shelf in shipped_claim_files() for claim in shelf.claims):
        if "nothing" in claim.fooled_by:
            records = [METRICS.get(name.partition("@")[0]) for name in claim.measured]
            assert not any(record.fooled_by for record in records if record), claim.id


def test_the_page_says_what_would_fool_each_claim(recorded):
    text = entry(recorded())
    assert "\n\nDisturbances that could fool its metrics: noise and blur.\n\n" in text
    claims = {claim.id: claim for shelf in shipped_claim_files() for claim in shelf.claims}
    assert fooling_text(claims["gan-faster"]).startswith("No disturbance of images")
    assert "noise, blur and missing classes" in fooling_text(claims["diff-quality"])


def test_every_claim_has_a_verdict_or_says_what_is_missing(ledger):
    for shelf in ledger.shelves:
        for claim in shelf.claims:
            if not ledger.on(claim):
                said = ledger.missing(claim)
                assert said.startswith(("Missing: ", "In the suite")), claim.id
                assert (said.startswith("In the suite")) == (claim.id in ledger.suites), claim.id


# -- findings -------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path):
    """`recorded(name=…)` writes the file of a report with a verdict on `ae-bottleneck`."""

    def write(**changes):
        claim = next(c for s in shipped_claim_files() for c in s.claims if c.id == "ae-bottleneck")
        effect = {
            "kind": "ratio", "value": 0.8, "low": 0.7, "high": 0.9, "level": 0.95, "null": 1,
            "limit": 0.95, "towards": "lower", "bootstrap": None, "mirror": None,
        }  # fmt: skip
        verdict = {
            "claim": {**claim.model_dump(mode="json"), "datasets": ["digits"]},
            "outcome": "supported", "about": "mean squared error of b on digits", "unit": "",
            "effect": effect, "reason": "", "datasets": ["digits"], "seeds": [0, 1, 2], "parts": [],
        } | changes.pop("verdict", {})  # fmt: skip
        file = {
            "suite": "mine", "generated_at": "2026-01-02 03:04 UTC", "overrides": {},
            "verdicts": [verdict],
        } | changes  # fmt: skip
        folder = tmp_path / "reports" / "mine"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "verdicts.json").write_text(json.dumps(file))
        return Ledger.of(tmp_path / "reports")

    return write


def entry(ledger, folder=ROOT / "docs"):
    return ledger.markdown(folder).split("### ae-bottleneck\n")[1].split("\n### ")[0]


def test_a_recorded_verdict_stands_with_effect_datasets_seeds_and_report(recorded):
    text = entry(recorded())
    assert "| **supported** | mean squared error of b on digits: ratio 0.80 " in text
    assert f"| digits (budget not recorded) | 3 |{' not recorded |' * 3} [mine](" in text
    assert "reports/mine/report.md), 2026-01-02 |" in text
    assert "Missing" not in text


def test_a_run_that_departs_from_the_suite_says_so(recorded):
    assert "(seeds 0,1)" in entry(recorded(overrides={"seeds": "0,1"}))


def test_a_trial_with_another_budget_has_no_verdict(recorded):
    text = entry(recorded(overrides={"budget_scale": "0.05"}))
    assert "supported" not in text
    assert f"In the suites {ASKED}; run only as a trial with another budget." in text


def test_a_verdict_without_an_effect_says_why(recorded):
    changes = {"outcome": "not evaluable", "effect": None, "reason": "no variance: all alike"}
    assert "| **not evaluable** | no variance: all alike |" in entry(recorded(verdict=changes))


def test_a_verdict_on_a_claim_that_was_changed_since_does_not_count(recorded):
    claim = next(c for s in shipped_claim_files() for c in s.claims if c.id == "ae-bottleneck")
    other = claim.model_dump(mode="json") | {"delta": 0.01}
    text = entry(recorded(verdict={"claim": other}))
    assert "supported" not in text
    assert f"In the suites {ASKED}; the claim has changed since its last report." in text
    worded = claim.model_dump(mode="json") | {"statement": "In other words."}
    assert "**supported**" in entry(recorded(verdict={"claim": worded}))


def test_a_verdict_stands_with_budget_maturity_and_self_test_of_what_it_compares(recorded):
    def trained(model, undertrained="", dataset="digits", images=40_000, epochs=33.0):
        return {"dataset": dataset, "model": model, "images": images, "steps": 9, "runs": [],
                "epochs": epochs, "undertrained": undertrained}  # fmt: skip

    mnist = {"dataset": "mnist", "epochs": 0.67}
    training = [
        trained("autoencoder/conv"), trained("autoencoder/conv-4", "its loss still falls"),
        trained("autoencoder/conv", "it has seen only 67 %", **mnist),
        trained("autoencoder/conv-4", "it has seen only 67 %", **mnist),
        trained("vae/vae", "not compared"), trained("autoencoder/conv", "elsewhere", "cifar10"),
    ]  # fmt: skip
    both = {"datasets": ["digits", "mnist"], "declared_first": True}
    text = entry(recorded(verdict=both, training=training))
    assert (
        "| 40,000 images, 33 epochs of digits; 40,000 images, 0.67 epochs of mnist | 3 | "
        "autoencoder/conv-4 on digits, mnist; autoencoder/conv on mnist | not recorded | first |"
    ) in text
    apart = [training[0], trained("autoencoder/conv-4", images=20_000, epochs=16.5)]
    text = entry(recorded(training=apart))
    assert "autoencoder/conv 40,000 images, 33 epochs of digits; autoencoder/conv-4 20,000 " in text
    assert "of digits | 3 | none | not recorded |" in text
    assert "| digits (nothing is trained) | 3 | – |" in entry(recorded(training=training[4:]))


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([], "–"),
        (["passes", "not applicable"], "passed"),
        (["not applicable"], "not applicable"),
        (["passes", "not run"], "not run"),
        (["passes", "fooled", "not run"], "fooled by blur"),
    ],
)
def test_what_the_self_test_came_to_stands_beside_a_verdict(recorded, outcomes, words):
    disturbances = ["noise", "blur", "grey"]
    selftests = [
        {"outcome": outcome, "disturbance": disturbance}
        for outcome, disturbance in zip(outcomes, disturbances, strict=False)
    ]
    text = entry(recorded(verdict={"selftests": selftests}))
    assert f"| {words} | not recorded | [mine](" in text


def test_a_verdict_on_a_claim_before_its_amendment_says_so_and_does_not_count(recorded):
    (claim,) = (c for s in shipped_claim_files() for c in s.claims if c.id == "metric-psnr-blur")
    assert "disturbed/noise-2" in rule(claim)
    before = claim.model_dump(mode="json") | {"against": "disturbed/noise-1", "amended": []}
    ledger = recorded(verdict={"claim": before, "outcome": "refuted"})
    assert ledger.on(claim) == []
    assert ledger.missing(claim) == (
        "In the suite metrics; the verdict of mine, refuted, is on the claim before it was "
        "amended on 2026-11-29 (On digits disturbed/noise-1 is the weaker disturbance by both "
        "metrics; the LPIPS of disturbed/noise-2 is that of the blur), and does not count."
    )


def test_a_verdict_on_one_budget_is_none_on_what_models_can_do(recorded):
    (claim,) = (c for s in shipped_claim_files() for c in s.claims if c.id == "ae-bottleneck")
    ledger = recorded(verdict={"claim": claim.model_dump(mode="json") | {"at_budget": True}})
    assert ledger.on(claim) == []
    assert ledger.missing(claim).endswith(
        "the verdict of mine, supported, is on its budget alone, and does not count."
    )


def test_amendments_stand_beside_the_declaration(recorded):
    claim = next(c for s in shipped_claim_files() for c in s.claims if c.id == "ae-bottleneck")
    amended = claim.model_copy(update={"amended": (Amendment(date="2026-01-04", reason="So."),)})
    verdict = {"declared_first": False}
    assert declared_text(verdict, claim, claim) == "after measuring"
    assert declared_text(verdict, amended, amended) == "after measuring, amended 2026-01-04"
    assert declared_text(verdict, claim, amended) == "after measuring, amended since: 2026-01-04"


UNDERTRAINED = "autoencoder/conv-4 is undertrained on digits (its loss still falls 4 %)"
NOISY = "withheld, because on digits FID hardly changes beyond its own noise"
FOOLED = {"metric": "sharpness", "outcome": "fooled", "disturbance": "noise"}


@pytest.mark.parametrize(
    ("verdict", "remedy"),
    [
        ({"outcome": "supported"}, ""),
        ({"outcome": "refuted"}, ""),
        (
            {"outcome": "inconclusive", "seeds_needed": 12},
            "about 12 seeds, 9 more, with an effect and spread as observed",
        ),
        (
            {"outcome": "inconclusive", "seeds_needed": None},
            "no number of seeds up to 1,000, with an effect and spread as observed",
        ),
        ({"reason": UNDERTRAINED}, "more training of autoencoder/conv-4 on digits"),
        ({"reason": NOISY}, "values that differ by more than their noise"),
        ({"selftests": [FOOLED]}, "a metric that noise cannot fool"),
        ({"reason": "no values"}, "measurements without what the verdict names"),
    ],
)
def test_an_open_verdict_says_what_would_decide_it(verdict, remedy):
    claim = next(c for s in shipped_claim_files() for c in s.claims if c.id == "ae-bottleneck")
    recorded = {"outcome": "not evaluable", "reason": "", "seeds": [0, 1, 2], **verdict}
    training = {"dataset": "digits", "model": "autoencoder/conv-4", "undertrained": "4 %"}
    document = {"training": [training]}
    recorded["datasets"] = ["digits"]
    assert remedy_text(recorded, claim, document) == remedy


def test_the_page_says_what_would_decide_an_open_claim(recorded):
    text = entry(recorded(verdict={"outcome": "inconclusive", "seeds_needed": 12}))
    assert "\n\nWhat would decide it, by suite. mine: about 12 seeds" in text
    assert "What would decide it" not in entry(recorded())


@pytest.mark.parametrize(
    ("label", "counts"),
    [
        ("mse[u8, n=599 test]", True),
        ("mse[u8, n=599 test, v7]", False),
        ("critic_distance[u8, n=9/9 test]; mse[u8, n=599 test]", False),
        ("critic_distance[u8, n=9/9 test, v2]; mse[u8, n=599 test]", True),
        ("unheard_of[v3]", True),
    ],
)
def test_a_verdict_by_a_metric_that_measures_otherwise_now_does_not_count(recorded, label, counts):
    text = entry(recorded(verdict={"protocols": [label]}))
    assert ("**supported**" in text) == counts
    changed = f"{ASKED}; what its metrics measure has changed since its last report."
    assert (changed in text) != counts


def test_the_way_of_a_metric_without_a_better_side_is_said():
    trade = {"model": "a", "against": "b", "lower": "authpct", "higher": "fid_gap", "same": "fid"}
    assert asked(shape="trade-off", **trade, delta={"fid": 0.2}).startswith(
        "`a` has higher `fid_gap` and lower `authpct` and the same `fid` against `b`"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"verdicts": [3]}', '{"verdicts": 3}'])
def test_a_file_that_no_report_wrote_is_bad_input(tmp_path, text):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/verdicts.json").write_text(text)
    with pytest.raises(BadInput, match=r"mine/verdicts\.json: not what a report writes"):
        Ledger.of(tmp_path)


def asked(**fields):
    return rule(make_claim(id="c", statement="s", **fields))


def test_the_rule_of_each_shape_in_words():
    both = {"metric": "fid", "model": "a", "against": "b"}
    assert (
        asked(**both, delta=0.1) == "better `fid` of `a` than of `b`, by more than a factor of 1.1"
    )
    assert asked(metric="ssim", model="a", above=0.5, datasets="d", over="average") == (
        "`ssim` of `a` above 0.5, on `d` on average"
    )
    assert asked(shape="equivalence", metric="q", model="a", equals=0.5, delta=0.1) == (
        "`q` of `a` is 0.5, to within 0.1"
    )
    order = {"metric": "fid", "models": ["a", "b", "c"]}
    assert asked(shape="monotone", direction="falls", **order).startswith("`fid` falls with every")
    assert asked(shape="ordering", **order) == "by `fid` the order is `a` before `b` before `c`"
    assert (
        asked(shape="spread", **both) == "a smaller spread over seeds of `fid` of `a` than of `b`"
    )
    trade = {"model": "a", "against": "b", "better": "ssim", "same": "fid"}
    assert asked(shape="trade-off", **trade, delta={"fid": 0.2}) == (
        "`a` has better `ssim` and the same `fid` against `b`, "
        "with a margin of a factor of 1.2 (`fid`)"
    )
    points = {"model": "m", "at": [0.1, 0.5, 1]}
    assert asked(shape="correlation", metric=["q", "fid"], models=points, above=0.5) == (
        "the rank correlation of `q` and `fid` over `m` after 0.1, 0.5, 1 of its budget "
        "is above 0.5"
    )
    grids = {"model": ["a", "b"], "against": "c", "delta": 0.1}
    assert asked(shape="success", metric="fid", below=10, **grids) == (
        "`fid` below 10 for a larger share of `a`, `b` than of `c`, by more than 0.1"
    )
    frontier = {"shape": "frontier", "metric": "fid", "delta": 9}
    assert asked(**frontier, cost="speed", model="a", against=["b", "c"]) == (
        "better `speed` at equal `fid` of `a` than of `b`, `c`, by more than a factor of 10"
    )
    assert asked(**frontier, model=points, against="n") == (
        "fewer training images at equal `fid` of `m` after 0.1, 0.5, 1 of its budget "
        "than of `n`, by more than a factor of 10"
    )
