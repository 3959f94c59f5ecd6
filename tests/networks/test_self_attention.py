import torch

from harness.networks.self_attention import SelfAttention


def test_it_is_the_sum_of_the_paper():
    """Equations 1 to 3, place by place."""
    torch.manual_seed(0)
    layer, x = SelfAttention(8).double(), torch.randn(2, 8, 3, 2).double()
    with torch.no_grad():
        assert torch.equal(layer(x), x)  # γ starts at 0
        layer.gamma.fill_(0.7)
        out = layer(x)
    flat = x.flatten(2)
    f, g, h, v = (m.weight[:, :, 0, 0] for m in (layer.key, layer.query, layer.value, layer.out))
    for n in range(2):
        places = flat[n].T  # place × channel
        for j in range(6):
            scores = torch.stack([(f @ places[i]) @ (g @ places[j]) for i in range(6)])
            beta = scores.exp() / scores.exp().sum()
            attended = v @ sum(beta[i] * (h @ places[i]) for i in range(6))
            torch.testing.assert_close(
                out[n].flatten(1)[:, j], 0.7 * attended + places[j], rtol=1e-10, atol=1e-10
            )
