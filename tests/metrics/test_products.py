import pytest
import torch

from harness.metrics.products import block_dtype, dot_products, gram, tiles


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (1, 3)])
def test_gram(shape):
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(gram(x), x.T @ x)
    assert torch.equal(gram(x), gram(x).T)


def test_float32_blocks_only_where_its_products_are_whole():
    cpu = torch.device("cpu")
    assert block_dtype(cpu) == torch.float32
    assert block_dtype(torch.device("cuda")) == torch.float64
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
        assert block_dtype(cpu) == torch.float64
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 300)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dot_products_are_off_by_their_rounding_only(shape, dtype):
    """Within (d + 1) u of |x||y| and what is added: the bound on which exact neighbours rest."""
    (n, d), random = shape, torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, d, dtype=dtype, generator=random) for _ in "xy")
    plus = torch.arange(n, dtype=dtype)
    found = dot_products(*tiles(x), *tiles(y), plus)
    exact = (x.numpy().astype("longdouble") @ y.numpy().astype("longdouble").T) + plus.numpy()
    u = torch.finfo(dtype).eps / 2
    norms = x.double().norm(dim=1)[:, None] * y.double().norm(dim=1)
    bound = (d + 1) * u / (1 - (d + 1) * u) * (norms + plus)
    assert found.dtype == dtype
    assert bool((abs(found.numpy() - exact) <= bound.numpy()).all())


def test_tiles_are_rows_in_order(monkeypatch):
    monkeypatch.setattr("harness.metrics.products.TILE", 4)
    x = torch.randn(10, 3)
    parts = [part.to_dense() if part.is_mkldnn else part for part in tiles(x)]
    assert [len(part) for part in parts] == [4, 4, 2]
    assert torch.equal(torch.cat(parts), x)
