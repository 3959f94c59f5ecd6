"""Our metrics against the libraries that people use for them: the same numbers, and how fast.

    python benchmarks/metrics.py [--quick] [--repeats 3]

Ours and the library's run alternately in one process on one CPU thread, after both are found to
give equal results. Times are of the processor, so that other programs on the machine disturb them
little; a row shows the medians and their ratio. For precision, recall, density and coverage, each
is also run in a process of its own for its peak memory beyond that of the features. What sharing
the features saves is measured on FID, KID, IS and these four together.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from prdc import compute_prdc
from side_by_side import machine
from skimage.metrics import structural_similarity
from threadpoolctl import threadpool_limits
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig
from harness.extractors import Extracted, Extractor, load_extractor
from harness.metrics import Prdc, frechet_distance, kernel_distances, load_metric, prdc, ssim
from harness.metrics.frechet import frechet_estimate
from harness.metrics.kernel import Subsets
from harness.metrics.neighbours import prdc_estimates
from harness.metrics.statistics import FeatureStatistics

Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """`tolerance` is relative, of the largest absolute value where there are several."""

    name: str
    library: str
    ours: Call
    theirs: Call
    tolerance: float


def features(n: int, d: int, seed: int) -> torch.Tensor:
    """Non-negative and correlated with a decaying spectrum, like pooled features of a network."""
    mix = torch.randn(d, d, generator=torch.Generator().manual_seed(99)) / d**0.5
    noise = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    spectrum = torch.arange(1, d + 1) ** -0.4
    return (3 * noise * spectrum @ mix + 0.05 * seed).relu()


def frechet_rows(n: int, d: int) -> list[Row]:
    """From float64 features, as the libraries' means of float32 ones are sums in float32."""
    a, b = features(n, d, 0).double(), features(n, d, 1).double()
    known = [fid_features_to_statistics(x) for x in (a, b)]
    ours_known = [FeatureStatistics.of(x) for x in (a, b)]

    def by_fidelity(statistics: list[dict[str, np.ndarray]]) -> float:
        return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]

    def from_features() -> list[dict[str, np.ndarray]]:
        return [fid_features_to_statistics(x) for x in (a, b)]

    def ours() -> float:
        return frechet_distance(a, b)

    title = f"Fréchet {n}×{d}"
    # With singular covariances the libraries' own rounding is larger than 1e-9.
    tolerance = 1e-9 if n > d else 1e-5
    rows = [Row(title, "torch-fidelity", ours, lambda: by_fidelity(from_features()), tolerance)]
    if n <= d:
        return rows
    ours_from = f"{title} from statistics"
    rows.append(
        Row(
            ours_from,
            "torch-fidelity",
            lambda: frechet_distance(*ours_known),
            lambda: by_fidelity(known),
            tolerance,
        )
    )
    try:
        from cleanfid.fid import frechet_distance as clean  # noqa: PLC0415 - need not be there
    except ImportError as e:
        print(f"clean-fid is left out: {e}")
        return rows

    def by_clean(statistics: list[dict[str, np.ndarray]]) -> float:
        one, other = statistics
        return float(clean(one["mu"], one["sigma"], other["mu"], other["sigma"]))

    rows.append(Row(title, "clean-fid", ours, lambda: by_clean(from_features()), tolerance))
    rows.append(
        Row(
            ours_from,
            "clean-fid",
            lambda: frechet_distance(*ours_known),
            lambda: by_clean(known),
            tolerance,
        )
    )
    return rows


def kernel_row(n: int, d: int, dtype: torch.dtype) -> Row:
    """The library computes in the features' precision; ours is within 1e-6 of float64 in both."""
    a, b = features(n, d, 0).to(dtype), features(n, d, 1).to(dtype)
    subsets = Subsets(size=min(1000, n // 2))

    def theirs() -> float:
        found = kid_features_to_metric(a, b, kid_subset_size=subsets.size, verbose=False)
        return found["kernel_inception_distance_mean"]

    return Row(
        f"KID {n}×{d} {str(dtype).removeprefix('torch.')}",
        "torch-fidelity",
        lambda: float(kernel_distances(a, b, subsets).mean()),
        theirs,
        1e-6 if dtype == torch.float64 else 1e-3,
    )


def by_prdc(real: torch.Tensor, fake: torch.Tensor) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the sizes
        found = compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    return [float(found[field.name]) for field in fields(Prdc)]


def prdc_row(n: int, d: int) -> Row:
    real, fake = features(n, d, 0), features(n, d, 1)
    return Row(
        f"PRDC {n}×{d}",
        "prdc",
        lambda: list(astuple(prdc(real, fake))),
        lambda: by_prdc(real, fake),
        1e-12,
    )


def ssim_row(count: int, window: str) -> Row:
    random = torch.Generator().manual_seed(0)
    a = torch.randint(0, 256, (count, 3, 32, 32), generator=random, dtype=torch.uint8)
    noise = torch.randint(-40, 41, a.shape, generator=random)
    b = (a.int() + noise).clamp(0, 255).byte()
    options = {"win_size": 7}
    if window == "gaussian":
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    pairs = list(zip(a.numpy(), b.numpy(), strict=True))
    return Row(
        f"SSIM {count}×3×32×32 {window}",
        "scikit-image",
        lambda: ssim(a, b, window).tolist(),
        lambda: [
            structural_similarity(x, y, channel_axis=0, data_range=255, **options) for x, y in pairs
        ],
        1e-12,
    )


def seconds(call: Call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def compare(row: Row, repeats: int) -> None:
    ours, theirs = np.atleast_1d(row.ours()), np.atleast_1d(row.theirs())
    worst = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    assert worst <= row.tolerance, f"{row.name}: differs by {worst:.1e} from {row.library}"
    times = [(seconds(row.ours), seconds(row.theirs)) for _ in range(repeats)]
    mine, its = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"{row.name:38} {row.library:15} {mine:8.3f} s {its:9.3f} s {its / mine:6.1f}×  "
        f"differs by {worst:.0e}",
        flush=True,
    )


def peak_memory(library: bool, n: int, d: int) -> float:
    """In MiB, beyond what the process has with its features."""
    command = [sys.executable, __file__, "--peak", "prdc" if library else "ours", str(n), str(d)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(which: str, n: int, d: int) -> None:
    measured = by_prdc if which == "prdc" else prdc
    measured(features(50, d, 0), features(50, d, 1))  # loads what it needs
    real, fake = features(n, d, 0), features(n, d, 1)
    with Path("/proc/self/clear_refs").open("w") as file:
        file.write("5")  # the peak so far is forgotten
    before = in_status("VmRSS")
    measured(real, fake)
    print(in_status("VmHWM") - before)


def in_status(name: str) -> float:
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) / 2**10


def costs_of_errors(n: int, d: int) -> None:
    """What the standard errors cost beyond the values."""
    a, b = features(n, d, 0), features(n, d, 1)
    plain, full = seconds(lambda: frechet_distance(a, b)), seconds(lambda: frechet_estimate(a, b))
    print(f"Fréchet {n}×{d}: {plain:.2f} s, with its error {full:.2f} s")
    plain, full = seconds(lambda: prdc(a, b)), seconds(lambda: prdc_estimates(a, b, (3, 5)))
    print(f"PRDC {n}×{d}: {plain:.2f} s for one k, {full:.2f} s for two with their errors")


class Counted(Extractor):
    """Another extractor, and how many images it has been shown."""

    def __init__(self, name: str) -> None:
        self._extractor = load_extractor(name)
        self.name, self.digest = self._extractor.name, self._extractor.digest
        self.preprocessing = self._extractor.preprocessing
        self.seen = 0

    def check(self, channels: int, size: int) -> None:
        self._extractor.check(channels, size)

    def extract(self, images: torch.Tensor) -> Extracted:
        self.seen += len(images)
        return self._extractor.extract(images)


class CountedEvidence(Evidence):
    """Evidence on two sets of images by one extractor."""

    def __init__(self, network: Counted, given: dict[str, torch.Tensor]) -> None:
        super().__init__(given, EvalConfig({"extractor": network.name}))
        self._network = network

    def extractor(self) -> Extractor:
        return self._network


def sharing(n: int, repeats: int) -> None:
    """FID, KID, IS, precision, recall, density and coverage on one evidence, against one pass of
    each set of images and the metrics of ready features; then again with the reference known.
    """
    names = ("fid", "kid", "is", "precision", "recall", "density", "coverage")
    metrics = [load_metric(name) for name in names]
    network, random = Counted("classifier:cifar10"), torch.Generator().manual_seed(0)
    images = {
        name: torch.randint(0, 256, (n, 3, 32, 32), generator=random, dtype=torch.uint8)
        for name in ("samples", "reference_images")
    }

    def measured(given: dict[str, torch.Tensor], expected: int) -> float:
        evidence, network.seen = CountedEvidence(network, given), 0
        spent = seconds(lambda: [evidence.measure(metric) for metric in metrics])
        assert network.seen == expected, f"{network.seen} images seen, not {expected}"
        return spent

    together, again = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            os.environ["HARNESS_CACHE"] = cache
            first = measured(images, expected=2 * n)
            second = measured(images, expected=n)
        start = time.process_time()
        of_samples, of_reference = (network.extract(x) for x in images.values())
        passes = time.process_time() - start
        features = {
            "sample_features": of_samples.pooled,
            "sample_logits": of_samples.logits,
            "reference_features": of_reference.pooled,
        }
        least = passes + measured(features, expected=0)
        together.append(first / least)
        again.append(second / first)
    print(
        f"FID, KID, IS and PRDC of {n}: {statistics.median(together):.2f}× a pass and the metrics"
    )
    print(f"the same with the reference's features kept: {statistics.median(again):.0%} of that")


def on_gpu(n: int, d: int) -> None:
    """Ours on the GPU against ours on the CPU; the libraries have no such routes."""
    if not torch.cuda.is_available():
        print("no GPU here: its rows are skipped")
        return
    a, b = features(n, d, 0), features(n, d, 1)
    for name, call in (
        ("Fréchet", frechet_distance),
        ("KID", lambda x, y: float(kernel_distances(x, y, Subsets(size=min(1000, n // 2))).mean())),
        ("PRDC", lambda x, y: prdc(x, y).density),
    ):
        expected, found = call(a, b), call(a.cuda(), b.cuda())
        assert abs(found - expected) <= 1e-6 * abs(expected), f"{name} differs on the GPU"
        torch.cuda.synchronize()
        start = time.perf_counter()
        call(a.cuda(), b.cuda())
        torch.cuda.synchronize()
        print(
            f"{name} {n}×{d} on {torch.cuda.get_device_name()}: {time.perf_counter() - start:.3f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Our metrics against the named libraries.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="only rows whose name has this in it")
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if arguments.peak:
        which, n, d = arguments.peak
        print_peak(which, int(n), int(d))
        return
    print(machine())
    d = 128 if arguments.quick else 2048
    many, more, few = (400, 600, 100) if arguments.quick else (5000, 10000, 1000)
    rows = [
        lambda: frechet_rows(many, d),
        lambda: frechet_rows(few, d),
        *(
            lambda n=n, dtype=dtype: [kernel_row(n, d, dtype)]
            for n in (many, more)
            for dtype in (torch.float32, torch.float64)
        ),
        lambda: [prdc_row(more, d)],
        *(lambda w=w: [ssim_row(few, w)] for w in ("uniform", "gaussian")),
    ]
    print(f"{'':38} {'library':15} {'ours':>10} {'theirs':>11} {'ratio':>7}")
    with threadpool_limits(1):
        for make in rows:
            for row in make():
                if arguments.only in row.name:
                    compare(row, arguments.repeats)
        if arguments.only in "costs of errors":
            costs_of_errors(many, d)
        if arguments.only in "sharing":
            sharing(many, arguments.repeats)
    if arguments.only in "PRDC memory":
        mine, its = (peak_memory(library, more, d) for library in (False, True))
        print(f"PRDC {more}×{d} peak memory: {mine:.0f} MiB, prdc {its:.0f} MiB, {mine / its:.0%}")
    on_gpu(many, d)


if __name__ == "__main__":
    main()
