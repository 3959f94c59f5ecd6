"""Principal components against numpy's singular values and scikit-learn's PCA."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from harness.core.errors import BadInput
from harness.networks.principal_components import MeanImage, PrincipalComponents

SCALES = torch.linspace(3, 0.1, 48, dtype=torch.float64)
X = torch.randn(200, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGES = ((X * SCALES) @ torch.linalg.qr(X[:48])[0] + 0.3).view(200, 3, 4, 4)


def fitted(count: int, images: torch.Tensor = IMAGES) -> PrincipalComponents:
    components = PrincipalComponents(images[0].numel(), count)
    assert components.fit(list(images.split(64))) == len(images)
    return components


@pytest.mark.parametrize("count", [1, 7, 48])
def test_they_are_scikit_learns_to_ten_digits(count: int):
    found, rows = fitted(count), IMAGES.flatten(1).numpy()
    reference = PCA(count, svd_solver="full").fit(rows)
    np.testing.assert_allclose(found.mean, reference.mean_, atol=1e-10)
    np.testing.assert_allclose(found.components, reference.components_, atol=1e-10)
    np.testing.assert_allclose(found.variances, reference.explained_variance_, atol=1e-10)
    scores = found(IMAGES)
    np.testing.assert_allclose(scores, reference.transform(rows), atol=1e-10)
    values = reference.inverse_transform(reference.transform(rows))
    np.testing.assert_allclose(found.inverse(scores), values, atol=1e-10)


def test_they_are_the_right_singular_vectors_of_centred_images():
    found, rows = fitted(10), IMAGES.flatten(1).numpy()
    _, singular, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.variances, singular[:10] ** 2 / 199, atol=1e-10)
    np.testing.assert_allclose(
        np.abs(found.components.numpy() @ right[:10].T), np.eye(10), atol=1e-10
    )


def test_images_on_a_line_vary_along_one_component_alone():
    line = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None, None, None]
    found = fitted(3, line * torch.ones(1, 1, 2, 2, dtype=torch.float64))
    assert found.components[0].numpy() == pytest.approx([0.5] * 4)
    assert found.variances.numpy() == pytest.approx([4 * float(line.var()), 0, 0], abs=1e-12)


def test_the_mean_image_is_the_mean_of_uneven_batches():
    mean = MeanImage(48)
    assert mean.fit(IMAGES.float().split(64)) == 200
    torch.testing.assert_close(mean.mean, IMAGES.float().double().flatten(1).mean(dim=0))


def test_fewer_images_than_components_are_one_line():
    with pytest.raises(BadInput, match="32 components need as many images; there are 20"):
        fitted(32, IMAGES[:20])


def test_no_step_trains_what_is_fitted():
    assert not any(p.requires_grad for p in fitted(3).parameters())
    assert sum(p.numel() for p in fitted(3).parameters()) == 48 + 3 * 48 + 3
