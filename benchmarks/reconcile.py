"""Does `harness reconcile` name the cause of a number that does not match? Twenty-two cases.

    python benchmarks/reconcile.py --data-root DIR [--only TEXT] [--output docs/reconcile-cases.md]

Each case has samples, a reference, and a number that was computed with one known difference from
the default protocol, by functions of this file that the search does not use; two cases have a
number that no protocol gives. It is printed with four significant digits, as a paper might. A cause
is named where the conclusion of the search is that difference and no other. Networks are the
package's own classifiers, or have random weights.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.metrics import structural_similarity
from torch import Tensor
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from harness.data import load_dataset
from harness.data.disturbances import add_pixel_noise, blur
from harness.extractors import load_extractor, load_perceptual
from harness.metrics import Subsets, frechet_distance, frechet_infinity, kernel_distances
from harness.reconcile.claimed_number import parse_claim
from harness.reconcile.explanation import Explanation, explain
from harness.reconcile.task import ReconcileTask
from harness.training.numerics import Numerics

FASHION = "fashion-mnist[size=16]"
NETWORK = "classifier:fashion-mnist-16"
OTHER_NETWORK = "classifier:mnist-16"
ALEX, VGG = "random_perceptuals:ALEX", "random_perceptuals:VGG"
DIGITS_OF_A_CLAIM = 4


@dataclass(frozen=True)
class Case:
    """A difference in plain words, its metric, the number that it gives, and the causes by which
    the search names it; none where no protocol gives the number.
    """

    title: str
    metric: str
    claimed: Callable[[], float]
    causes: tuple[str, ...]
    samples: str
    references: tuple[str, ...]
    network: str | None = None
    networks: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Outcome:
    """What came out of a case."""

    case: Case
    claimed: str
    explanation: Explanation
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether the cause is named, or no cause where there is none."""
        return self.explanation.causes == self.case.causes


class Material:
    """The sets of images of all cases, as files in a folder."""

    def __init__(self, folder: Path, root: Path | None) -> None:
        self.folder = folder
        fashion = load_dataset(FASHION, root)
        large = load_dataset("fashion-mnist", root)
        colour = load_dataset("cifar10", root)
        self.train, self.test = fashion.train.images, fashion.test.images
        self.raw = large.test.images[:3000]
        self.exact = _imperfect_floats(self.train[20_000:22_000], seed=20)
        self.samples = self.exact.round().clamp(0, 255).to(torch.uint8)
        self.worse = add_pixel_noise(blur(self.train[30_000:32_000], 1.0), 0.1, 21)
        small = [_pillow(x, 16, Image.Resampling.BICUBIC) for x in large.train.images[5_000:6_500]]
        self.small = add_pixel_noise(blur(torch.stack(small), 0.4), 0.04, 22)
        self.originals = colour.test.images[300:364]
        self.decoded = add_pixel_noise(blur(self.originals, 0.8), 0.03, 23)
        self.restored = torch.stack([_jpeg(x, 30) for x in self.originals])
        for name in ("samples", "raw", "small", "originals", "decoded"):
            np.savez(self.path(name), _last(getattr(self, name)))
        mean_and_covariance = _moments(self.train[:30_000])
        np.savez(self.path("adm"), _last(self.test[:3000]), **mean_and_covariance)
        np.savez(self.path("test-3000"), _last(self.test[:3000]))
        np.savez(self.path("published"), **mean_and_covariance)

    def path(self, name: str) -> str:
        """The file of a set."""
        return str(self.folder / f"{name}.npz")

    def cases(self) -> Iterator[Case]:
        """All cases, those without a cause last."""
        yield from self._against_a_split()
        yield from self._of_kernels()
        yield from self._against_larger_images()
        yield from self._against_statistics()
        yield from self._of_pairs()
        yield from self._without_a_cause()

    def _against_a_split(self) -> Iterator[Case]:
        samples, test, train = self.samples, self.test, self.train

        def case(title: str, claimed: Callable[[], float], cause: str) -> Case:
            split = (f"{FASHION}:test",)
            return Case(title, "fid", claimed, (cause,), self.path("samples"), split)

        yield case(
            "training images for test images",
            lambda: _fid(samples, train),
            f"reference: {FASHION}:train",
        )
        yield case(
            "the first 5,000 reference images for 10,000",
            lambda: _fid(samples, test[:5000]),
            "reference images: first 5,000",
        )
        yield case(
            "1,000 samples for 2,000",
            lambda: _fid(samples[:1000], test),
            "samples: first 1,000",
        )
        yield case(
            "samples saved as JPEG 90",
            lambda: _fid(_all_jpeg(samples, 90), test),
            "pixels: samples as JPEG 90",
        )
        yield case(
            "both sets saved as JPEG 75",
            lambda: _fid(_all_jpeg(samples, 75), _all_jpeg(test, 75)),
            "pixels: both sets as JPEG 75",
        )
        yield case(
            "samples truncated to 8 bits, not rounded",
            lambda: _fid(self.exact.clamp(0, 255).to(torch.uint8), test),
            "pixels: samples truncated, not rounded",
        )
        yield case(
            "a network trained on other images",
            lambda: _fid(samples, test, OTHER_NETWORK),
            f"network: {OTHER_NETWORK}",
        )
        yield case(
            "FID∞ for FID",
            lambda: frechet_infinity(_features(samples), _features(test)).estimate.value,
            "estimator: FID∞, without the bias of the number of samples",
        )

    def _of_kernels(self) -> Iterator[Case]:
        """Against fewer images: a kernel's values of all pairs of a training set take minutes."""
        samples, test = self.samples, self.test[:3000]

        def case(title: str, claimed: Callable[[], float], cause: str) -> Case:
            files = self.path("samples"), (self.path("test-3000"),)
            return Case(title, "kid", claimed, (cause,), *files, NETWORK)

        yield case(
            "KID: seed 42 for the subsets",
            lambda: _kid(samples, test, Subsets(100, 1000, 42)),
            "seed of subsets: 42 (numpy)",
        )
        yield case(
            "KID: of whole sets, the biased estimator",
            lambda: _biased_kid(samples, test),
            "estimator: whole sets, biased",
        )

    def _against_larger_images(self) -> Iterator[Case]:
        """16×16 samples against images of 28×28, which the default protocol resizes by Pillow's
        bicubic filter.
        """

        def case(title: str, change: Callable[[Tensor], Tensor], cause: str) -> Case:
            return Case(
                title,
                "fid",
                lambda: _fid(self.small, torch.stack([change(image) for image in self.raw])),
                (cause,),
                self.path("small"),
                (self.path("raw"),),
                NETWORK,
            )

        yield case(
            "Pillow's bilinear filter for bicubic",
            lambda x: _pillow(x, 16, Image.Resampling.BILINEAR),
            "resize: bilinear",
        )
        yield case(
            "TensorFlow 1's resize for Pillow's",
            lambda x: _rounded(
                interpolate_bilinear_2d_like_tensorflow1x(
                    x[None].float(), size=(16, 16), align_corners=False
                )
            ),
            "resize: tf1-bilinear",
        )
        yield case(
            "PyTorch's bilinear resize, without antialiasing",
            lambda x: _rounded(F.interpolate(x[None].float(), (16, 16), mode="bilinear")),
            "resize: bilinear without antialiasing",
        )
        yield case(
            "a centre crop in place of resizing",
            lambda x: x[:, 6:22, 6:22],
            "crop: centre patch, not resized",
        )
        yield case(
            "resize, then a centre crop of 7/8",
            lambda x: _pillow(
                _pillow(x, 16, Image.Resampling.BICUBIC)[:, 1:15, 1:15],
                16,
                Image.Resampling.BICUBIC,
            ),
            "crop: centre 7/8 of the reference",
        )

    def _against_statistics(self) -> Iterator[Case]:
        adm, published = self.path("adm"), self.path("published")
        yield Case(
            "images in ADM's file for its stored statistics",
            "fid",
            lambda: _fid(self.samples, self.test[:3000]),
            (f"reference: {adm} (images)",),
            self.path("samples"),
            (adm,),
            NETWORK,
        )
        yield Case(
            "published statistics for the images at hand",
            "fid",
            lambda: _fid(self.samples, self.train[:30_000]),
            (f"reference: {published} (statistics)",),
            self.path("samples"),
            (self.path("test-3000"), published),
            NETWORK,
        )

    def _of_pairs(self) -> Iterator[Case]:
        decoded, originals = self.decoded, self.originals

        def case(
            metric: str, title: str, claimed: Callable[[], float], cause: str, network: str = ""
        ) -> Case:
            return Case(
                title,
                metric,
                claimed,
                (cause,),
                self.path("decoded"),
                (self.path("originals"),),
                network or None,
                (VGG,) if network else (),
            )

        yield case(
            "lpips",
            "LPIPS: VGG for AlexNet",
            lambda: float(load_perceptual(VGG).distance(decoded, originals).mean()),
            f"network: {VGG}",
            ALEX,
        )
        yield case(
            "psnr",
            "PSNR of the mean error for the mean of PSNRs",
            lambda: _psnr_of_mean(decoded, originals),
            "estimator: as torchmetrics",
        )
        yield case(
            "ssim",
            "SSIM: a window of equal weights",
            lambda: _ssim_of_scikit_image(decoded, originals),
            "estimator: as scikit-image",
        )

    def _without_a_cause(self) -> Iterator[Case]:
        yield Case(
            "samples of another model",
            "fid",
            lambda: _fid(self.worse, self.test),
            (),
            self.path("samples"),
            (f"{FASHION}:test",),
        )
        yield Case(
            "reconstructions of another model",
            "psnr",
            lambda: _psnr_of_mean(self.restored, self.originals),
            (),
            self.path("decoded"),
            (self.path("originals"),),
        )


def _imperfect_floats(images: Tensor, seed: int) -> Tensor:
    """Real images, blurred, with noise, not rounded: what a generator gives before 8 bits."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return (blur(images, 0.5).float() + 10 * noise).clamp(0, 255)


def _last(images: Tensor) -> np.ndarray:
    return images.permute(0, 2, 3, 1).numpy()


@cache
def _network(name: str) -> Callable[[Tensor], Tensor]:
    extractor = load_extractor(name)
    return lambda images: extractor.extract(images).pooled


def _features(images: Tensor, network: str = NETWORK) -> Tensor:
    return _network(network)(images)


def _fid(samples: Tensor, reference: Tensor, network: str = NETWORK) -> float:
    return frechet_distance(_features(samples, network), _features(reference, network))


def _moments(images: Tensor) -> dict[str, Any]:
    features = _features(images).double().numpy()
    return {"mu": features.mean(axis=0), "sigma": np.cov(features, rowvar=False)}


def _kid(samples: Tensor, reference: Tensor, subsets: Subsets) -> float:
    return float(kernel_distances(_features(samples), _features(reference), subsets).mean())


def _biased_kid(samples: Tensor, reference: Tensor) -> float:
    a, b = (_features(x).double() for x in (samples, reference))
    within, between = [((x @ x.T / 128 + 1) ** 3).mean() for x in (a, b)], (a @ b.T / 128 + 1) ** 3
    return float(sum(within) - 2 * between.mean())


def _pillow(image: Tensor, size: int, how: Image.Resampling) -> Tensor:
    resized = Image.fromarray(image[0].numpy()).resize((size, size), how)
    return torch.from_numpy(np.asarray(resized).copy())[None]


def _rounded(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)[0]


def _all_jpeg(images: Tensor, quality: int) -> Tensor:
    return torch.stack([_jpeg(image, quality) for image in images])


def _jpeg(image: Tensor, quality: int) -> Tensor:
    file = io.BytesIO()
    pixels = image.permute(1, 2, 0).numpy()
    Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels).save(
        file, "JPEG", quality=quality
    )
    decoded = np.asarray(Image.open(file)).copy()
    return torch.from_numpy(decoded.reshape(*image.shape[1:], -1)).permute(2, 0, 1)


def _psnr_of_mean(decoded: Tensor, originals: Tensor) -> float:
    error = (decoded.double() - originals.double()).square().mean()
    return float(10 * (255**2 / error).log10())


def _ssim_of_scikit_image(decoded: Tensor, originals: Tensor) -> float:
    pairs = zip(decoded.numpy(), originals.numpy(), strict=True)
    similarity: Callable[..., float] = structural_similarity
    return float(np.mean([similarity(a, b, channel_axis=0) for a, b in pairs]))


def try_case(case: Case, root: Path | None) -> Outcome:
    """Searches for the cause of one case."""
    start = time.process_time()
    claimed = f"{case.claimed():.{DIGITS_OF_A_CLAIM}g}"
    task = ReconcileTask(
        samples=case.samples,
        references=case.references,
        claim=parse_claim(f"{case.metric}={claimed}"),
        numerics=Numerics.resolve("cpu"),
        network=case.network,
        networks=case.networks,
        root=root,
    )
    explanation = explain(task.run())
    return Outcome(case, claimed, explanation, time.process_time() - start)


def table(outcomes: Sequence[Outcome], folder: Path) -> str:
    """The page of all cases in Markdown."""

    def clean(text: str) -> str:
        return text.replace(f"{folder}/", "")

    rows = []
    for number, outcome in enumerate(outcomes, start=1):
        search, case = outcome.explanation.search, outcome.case
        protocols = outcome.explanation.protocols
        named = "; ".join(outcome.explanation.causes) or "none"
        others = max(len(protocols) - 1, 0) if outcome.explanation.is_explained else 0
        start = f"{search.default.value.value:.{DIGITS_OF_A_CLAIM}g}"
        cells = [
            str(number), case.title, case.metric, start, outcome.claimed, clean(named), str(others),
            f"{outcome.explanation.by_chance:.2g}", "yes" if outcome.is_right else "**no**",
        ]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    right = sum(outcome.is_right for outcome in outcomes if outcome.case.causes)
    caused = sum(bool(outcome.case.causes) for outcome in outcomes)
    none = sum(outcome.is_right for outcome in outcomes if not outcome.case.causes)
    return INTRODUCTION.format(
        right=right, caused=caused, none=none, without=len(outcomes) - caused
    ) + "\n".join([HEAD, *rows, ""])


INTRODUCTION = """\
# Cases for `harness reconcile`

`python benchmarks/reconcile.py --data-root DIR` writes this page: numbers that were computed with \
one known difference from the default protocol, and the cause that \ [`harness
reconcile`](reconcile.md) names. Claimed numbers have four significant digits, less \ zeros at the
end. The search does not use the functions that compute them. "Others" counts the \ protocols that
the number alone does not exclude, which the conclusion lists after the cause; "by \ chance" is how
many protocols would meet the number by chance.

The cause is named in {right} of {caused} cases, and none in {none} of {without} without a cause. \
Networks are the package's classifiers and, for LPIPS, networks with random weights; no case was \
used while the search was built.
               """
HEAD = """\
| | difference | metric | default | claimed | cause that is named | others | by chance | right |
|--:|---|---|--:|--:|---|--:|--:|---|"""


def main() -> None:
    """Tries the cases, prints what comes out, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--only", default="", help="a regular expression of titles")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        material = Material(Path(name), options.data_root)
        outcomes = []
        for case in material.cases():
            if re.search(options.only, case.title):
                outcomes.append(try_case(case, options.data_root))
                mark = "right" if outcomes[-1].is_right else "WRONG"
                print(
                    f"{mark}: {case.title}: {'; '.join(outcomes[-1].explanation.causes) or 'none'}"
                    f" ({outcomes[-1].seconds:.0f} s)",
                    flush=True,
                )
        page = table(outcomes, Path(name))
    if options.output:
        options.output.write_text(page, encoding="utf-8")
    else:
        print(page)


if __name__ == "__main__":
    main()
