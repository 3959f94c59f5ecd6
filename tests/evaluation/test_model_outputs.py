"""Nothing that a model gives is measured unless it is what its method promises."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.data import load_dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.outputs import WrongOutput
from harness.evaluation.protocols import EvalConfig
from harness.families import build_family
from harness.metrics import load_metric
from harness.metrics.base import Estimate, Metric
from harness.plan import shape_of

DIGITS = load_dataset("digits[unseen=8]")
SETUP = EvalConfig({"perceptual": "classifier:digits"}, samples=40)


class Right:
    """A model that can do everything, and gives what is asked for."""

    conditional = takes_texts = samples_at_once = False
    output_meaning = "log odds"

    def _images(self, n: int) -> Tensor:
        return torch.linspace(-1, 1, n * 256).reshape(n, 1, 16, 16)

    def sample(self, n, generator):
        return self._images(n)

    def sample_labels(self, labels, generator):
        return self._images(len(labels))

    def opponent_samples(self, n, generator):
        return self._images(n)

    def reconstruct(self, x):
        return x

    def restore(self, source, mask):
        return source

    def translate(self, x, direction):
        return x

    def encode(self, x):
        return x.flatten(1)[:, :8]

    def latents(self, n, generator):
        return torch.randn(n, 8, generator=generator)

    def decode(self, z):
        return self._images(len(z))

    def posterior(self, x):
        return self.encode(x), self.encode(x)

    def score(self, x):
        return x.mean(dim=(1, 2, 3))

    def score_map(self, x):
        return x[:, 0]

    def discriminate(self, x):
        return x.mean(dim=(1, 2, 3))

    def elbo(self, x, generator):
        return x.double().mean(dim=(1, 2, 3))

    has_density = True

    def ode_log_likelihood(self, x, generator, tolerance):
        return x.double().mean(dim=(1, 2, 3))

    def importance_bound(self, x, k, generator):
        return x.double().mean(dim=(1, 2, 3))


ASKS = {
    "sample": "samples",
    "opponent_samples": "odds_on_samples",
    "reconstruct": "reconstructions",
    "encode": "test_codes",
    "latents": "path_distances",
    "decode": "path_distances",
    "posterior": "posterior_means",
    "score": "anomaly_scores",
    "discriminate": "odds_on_test",
    "elbo": "elbo_nats",
    "importance_bound": "importance_bound_nats",
    "ode_log_likelihood": "ode_nats",
}
"""A kind of evidence that asks a method."""
GIVES_IMAGES = ("sample", "opponent_samples", "reconstruct", "decode")


def evidence(method: str, change: Callable[[Any], Any], kind: type = Right) -> Evidence:
    """Where one method's output is changed."""

    def wrong(self, *arguments):
        return change(getattr(kind, method)(self, *arguments))

    model = type("Wrong", (kind,), {method: wrong})()
    return Evidence(dataset_evidence(DIGITS), SETUP, model=model)


@pytest.mark.parametrize("asked", sorted(set(ASKS.values())))
def test_what_is_right_is_taken(asked):
    Evidence(dataset_evidence(DIGITS), SETUP, model=Right())[asked]  # type: ignore[arg-type]


def first(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)


WRONG: dict[str, Callable[[Tensor], Any]] = {
    "half as many": lambda x: x[: len(x) // 2],
    "one more": lambda x: torch.cat([x, x[:1]]),
    "a column too many": lambda x: x[..., None],
    "whole numbers": lambda x: x.long(),
    "a not-a-number": lambda x: torch.where(torch.arange(x.numel()).view_as(x) == 7, torch.nan, x),
    "an infinity": lambda x: torch.where(torch.arange(x.numel()).view_as(x) == 7, torch.inf, x),
    "an array": lambda x: x.numpy(),
    "a list": lambda x: x.tolist(),
    "nothing": lambda x: None,
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("method", ASKS)
def test_what_is_wrong_is_refused_with_its_place(method, how):
    e = evidence(method, lambda output: first(output, WRONG[how]))
    with pytest.raises(
        WrongOutput, match=rf"(?s){method} gave .*\(test_model_outputs.py:\d+ in wrong\)"
    ):
        e[ASKS[method]]


OFF: dict[str, Callable[[Tensor], Tensor]] = {
    "bytes": lambda x: (x + 1) * 127.5,
    "twice as wide": lambda x: 2 * x,
    "shifted": lambda x: x + 0.1,
    "a single value": lambda x: x.clone().index_put_((torch.tensor(0),), torch.tensor(1.01)),
}


@pytest.mark.parametrize("how", OFF)
@pytest.mark.parametrize("method", GIVES_IMAGES)
def test_images_on_another_scale_get_no_number(method, how):
    with pytest.raises(WrongOutput, match=r"images lie in \[-1, 1\] "):
        evidence(method, OFF[how])[ASKS[method]]


@pytest.mark.parametrize("method", ["sample", "opponent_samples", "reconstruct"])
def test_images_from_0_to_1_get_no_number(method):
    """They are in range; what tells is that none is dark, where digits mostly are."""
    with pytest.raises(WrongOutput, match=r"in \[-1, 1\], not in \[0, 1\]"):
        evidence(method, lambda x: (x + 1) / 2)[ASKS[method]]


@pytest.mark.parametrize("method", ["sample", "reconstruct"])
def test_faint_images_of_a_model_that_has_hardly_learnt_are_taken(method):
    assert evidence(method, lambda x: (x + 1) / 10)[ASKS[method]] is not None


def test_rounding_beyond_the_range_is_taken():
    e = evidence("sample", lambda x: torch.where(x.abs() > 0.9999, x * 1.003, x))
    plain = Evidence(dataset_evidence(DIGITS), SETUP, model=Right())  # type: ignore[arg-type]
    assert torch.equal(e["samples"], plain["samples"])


def test_other_methods_with_images():
    for name, kind, method in (
        ("digits[denoise=gaussian-0.1]", "reconstructions", "restore"),
        ("digits[unpaired=inverted]", "translations", "translate"),
    ):
        data = load_dataset(name)
        for change in (lambda x: x[:-1], lambda x: x * 255):
            model = evidence(method, change).unchecked_model
            e = Evidence(dataset_evidence(data), SETUP, model=model)
            with pytest.raises(WrongOutput, match=f"{method} gave"):
                e[kind]


def test_real_numbers_have_no_range_but_are_finite():
    data = load_dataset("ring")

    class Points(Right):
        def sample(self, n, generator):
            return 3 * torch.randn(n, 2, 1, 1, generator=generator)

    assert float(Evidence(dataset_evidence(data), SETUP, model=Points())["samples"].max()) > 1
    e = evidence("sample", lambda x: x * torch.inf, Points)
    with pytest.raises(WrongOutput, match="not finite"):
        Evidence(dataset_evidence(data), SETUP, model=e.unchecked_model)["samples"]


def test_a_failed_measurement_says_where_and_keeps_its_traceback():
    def broken(samples: Tensor) -> Estimate:
        raise ZeroDivisionError("by nothing")

    e = Evidence(dataset_evidence(DIGITS), SETUP, model=Right())  # type: ignore[arg-type]
    said = compute_metric(Metric("broken", broken, "lower", "m", ""), e)
    assert said.failure.startswith("ZeroDivisionError: by nothing (test_model_outputs.py:")
    assert said.failure.endswith("in broken)")
    assert "Traceback" in said.trace
    assert "in broken" in said.trace


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("autoencoder", {"network": "mlp", "depth": 0}),
        ("vae", {"network": "mlp", "depth": 1}),
        ("gan", {"network": "mlp", "depth": 1}),
        ("diffusion", {"network": "mlp", "depth": 1, "width": 8, "timesteps": 20,
                       "sampling": {"steps": 5, "clip": False}}),
    ],
)  # fmt: skip
def test_built_in_families_hold_to_the_range(family, settings):
    """Fully connected layers and unclipped steps put out anything."""
    data = load_dataset("digits")
    model = build_family(family, settings, shape_of(data))
    for parameter in model.networks.parameters():
        parameter.data *= 30
    e = Evidence(dataset_evidence(data), SETUP, model=model)
    said = compute_metric(
        load_metric("mse" if family == "autoencoder" else "sampling_throughput"), e
    )
    assert said.estimate is not None, said.failure
