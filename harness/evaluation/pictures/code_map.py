"""Where the codes of images lie: in the plane, coloured by class."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from harness.core.seeding import derive
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import picture
from harness.evaluation.pictures.figures import figure_png
from harness.evaluation.pictures.latent import first_codes

Floats = NDArray[np.float32]

FEWEST = 20
"""The fewest codes that are mapped."""
PERPLEXITY, ITERATIONS = 30, 500
"""Of t-SNE: how many neighbours a code has, and steps, which take most of the time."""
LISTED = 12
"""Classes that have a legend; more have a scale of colours."""


def principal_plane(codes: Floats, seed: int) -> tuple[Floats, str]:
    """Codes n×d on their first two principal components, n×2, and the heading."""
    from sklearn.decomposition import PCA

    model = PCA(2, svd_solver="full").fit(codes)
    share = float(model.explained_variance_ratio_.sum())
    return model.transform(codes), f"PCA: {share:.0%} of the variance"


def neighbour_plane(codes: Floats, seed: int) -> tuple[Floats, str]:
    """Codes n×d in the plane by t-SNE (van der Maaten & Hinton 2008, JMLR 9:2579), n×2, and the
    heading.
    """
    from sklearn.manifold import TSNE

    model = TSNE(
        perplexity=min(PERPLEXITY, len(codes) // 4), max_iter=ITERATIONS, random_state=seed
    )
    return model.fit_transform(codes), "t-SNE: neighbours"


def manifold_plane(codes: Floats, seed: int) -> tuple[Floats, str]:
    """Codes n×d in the plane by UMAP (McInnes et al. 2018, arXiv:1802.03426), n×2, and the
    heading.
    """
    from umap import UMAP  # type: ignore[import-not-found]

    return UMAP(random_state=seed, n_jobs=1).fit_transform(codes), "UMAP: neighbours"


def _maps() -> list[Callable[[Floats, int], tuple[Floats, str]]]:
    return [principal_plane, neighbour_plane, *([manifold_plane] if find_spec("umap") else [])]


@picture(
    "code-map",
    "Codes of test images",
    caption="Each point is the code of a test image, its colour the image's class. On the left are "
    "the two directions in which codes vary most. The other map puts codes side by side that are "
    "neighbours; how far apart groups are, and how large, says nothing there.",
    alt="Maps of the codes of test images, coloured by class,",
    requires=("codes", "labels", "reference"),
    is_figure=True,
)
def draw_code_map(e: Evidence) -> bytes:
    """The codes of the first test images in the plane, by each of the methods that are there."""
    codes = first_codes(e).flatten(1).numpy().astype(np.float32)
    labels = e["reference_labels"][: len(codes)]
    planes = code_planes(codes, derive(e.seed, "code map") % 2**32)
    names = e.at_hand("class_names") or ()

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(planes), squeeze=False)[0]
        for place, (points, heading) in zip(axes, planes, strict=True):
            _scatter(place, points, labels, heading)
        _legend(figure, axes[-1], labels, names)

    return figure_png(2.3 * len(planes) + 0.7, 2.5, draw)


def code_planes(codes: Floats, seed: int) -> list[tuple[Floats, str]]:
    """Codes n×d in the plane by each method, each n×2 with its heading. Fewer than `FEWEST` codes,
    or equal ones, are placed by their first two units.
    """
    if codes.shape[1] == 1:
        codes = np.pad(codes, ((0, 0), (0, 1)))
    varies = bool((codes.std(axis=0) > 0).any())
    methods = _maps() if varies and len(codes) >= FEWEST else []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about changes to come in the libraries
        return [method(codes, seed) for method in methods] or [(codes[:, :2], "two units")]


def _scatter(axes: Any, points: Floats, labels: Tensor, heading: str) -> None:
    highest = max(int(labels.max()), 9)
    colours = "tab10" if highest == 9 else "turbo"
    axes.scatter(*points.T, c=labels.numpy(), cmap=colours, vmin=0, vmax=highest, s=6, linewidths=0)
    axes.set(title=heading, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _legend(figure: Any, axes: Any, labels: Tensor, names: Sequence[str]) -> None:
    """The classes beside the maps."""
    present = labels.bincount().nonzero().flatten().tolist()
    points = axes.collections[0]
    if len(present) > LISTED:
        figure.colorbar(points, ax=axes, label="class")
        return
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=4, color=points.to_rgba(label),
               label=names[label] if label < len(names) else str(label))
        for label in present
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=8)
