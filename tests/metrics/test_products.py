import pytest
import torch

from harness.metrics.products import block_dtype, gram


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
