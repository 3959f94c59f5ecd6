"""How often the gate for fixed models is wrong, and how often it finds a fault, as
docs/fixed-models.md has it.

    python benchmarks/model_gate.py [--trials 40] [--images 8,32,100]

The model is a diffusion model of the digits, sampled by DDIM in 50 steps. Its denoiser attends to
the training images, which are its weights: it is the exact one of the data smoothed by a Gaussian,
so that nothing has to be trained. Each trial takes n images of a pool and calls the code of
`harness check MODEL --against MODEL2`. A row has, in % of trials, exit 1 / exit 0 for each n; the
rest is inconclusive. All takes two minutes of a core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data import load_dataset
from harness.data.pixels import to_float, to_uint8
from harness.extractors import Extracted, Extractor, load_extractor
from harness.regression.fixed_models.draws import ModelDraws
from harness.regression.fixed_models.measures import PairNetworks
from harness.regression.fixed_models.model_check import check_model
from harness.regression.fixed_models.scores import ModelScores

POOL = 400
STEPS = 50
WIDTH = 0.05
"""The standard deviation of the Gaussian that smooths the data, for pixels in [-1, 1]."""
JITTER = 0.02
"""The standard deviation of the noise in each prediction of a model whose runs differ."""
SIGNAL = torch.cos(torch.linspace(0.99, 0.0, STEPS + 1, dtype=torch.float64) * torch.pi / 2)
"""The weight of the image at each step, from almost 0 (noise) to 1 at the last step (the image)."""

Network = Callable[[Tensor, int], Tensor]
"""Predicts images n×d from noisy ones n×d at a step."""
Pools = Mapping[str, Tensor]
"""Images uint8 N×C×H×W by name, from which trials take theirs."""
Fault = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """A trial's pools by name (of the reference, its second run, its other seed, and the model),
    and what is done to the model's images.
    """

    title: str
    reference: str
    rerun: str
    others: str
    candidate: str
    fault: Fault = lambda images: images


class Remembered(Extractor):
    """A network's features, computed once for each image."""

    def __init__(self, network: Extractor) -> None:
        self.name, self.digest = network.name, network.digest
        self.preprocessing = network.preprocessing
        self._network = network
        self._features: dict[bytes, Tensor] = {}

    def check(self, channels: int, size: int) -> None:
        """As the network."""
        self._network.check(channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """As the network."""
        keys = [image.numpy().tobytes() for image in images]
        new = [row for row, key in enumerate(keys) if key not in self._features]
        if new:
            pooled = self._network.extract(images[new]).pooled
            self._features |= dict(zip([keys[row] for row in new], pooled, strict=True))
        return Extracted(torch.stack([self._features[key] for key in keys]))


@dataclass(frozen=True)
class Denoiser:
    """The posterior mean of the image behind a noisy one, where the distribution of images is that
    of the training images, n×d, smoothed by a Gaussian of WIDTH.
    """

    images: Tensor

    def __call__(self, x: Tensor, step: int) -> Tensor:
        """The images n×d behind `x`, n×d, at a step."""
        signal = float(SIGNAL[step])
        noise, blur = 1 - signal**2, (signal * WIDTH) ** 2
        centres = signal * self.images
        distances = centres.square().sum(1) - 2 * x @ centres.T
        weights = (-distances / (2 * (noise + blur))).softmax(dim=1)
        rest = signal * WIDTH**2 / (noise + blur)
        return weights @ self.images + rest * (x - weights @ centres)


def sample(network: Network, noise: Tensor) -> Tensor:
    """Images n×d in [-1, 1] from noise n×d, by DDIM without noise of its own (Song et al. 2021,
    arXiv:2010.02502, equation 12).
    """
    x = noise
    for step in range(STEPS):
        signal, next_signal = float(SIGNAL[step]), float(SIGNAL[step + 1])
        image = network(x, step)
        epsilon = (x - signal * image) / (1 - signal**2) ** 0.5
        x = next_signal * image + max(0.0, 1 - next_signal**2) ** 0.5 * epsilon
    return x


def draw_pool(network: Network, seed: int = 0, batch: int = 100) -> Tensor:
    """POOL images uint8; image i begins with the same noise whatever the batch is."""
    noise = torch.randn(POOL, 256, generator=generator(seed, "pool"))
    parts = [sample(network, part) for part in torch.split(noise, batch)]
    return to_uint8(torch.cat(parts).clamp(-1, 1).view(POOL, 1, 16, 16))


def rounded(weights: Tensor) -> Tensor:
    """The weights as 8-bit floats (e4m3), scaled to their range."""
    scale = weights.abs().max() / torch.finfo(torch.float8_e4m3fn).max
    return (weights / scale).to(torch.float8_e4m3fn).float() * scale


def wrong_step(network: Network) -> Network:
    """The network, which gets step 20 in place of step 25 of 50."""
    return lambda x, step: network(x, 20 if step == STEPS // 2 else step)


def cached(network: Network) -> Network:
    """The network, whose last prediction is used again at every second step."""
    predictions: list[Tensor] = []

    def predict(x: Tensor, step: int) -> Tensor:
        predictions.append(predictions[-1] if step % 2 else network(x, step))
        return predictions[-1]

    return predict


def jittered(network: Network, run: int) -> Network:
    """The network, whose predictions differ from run to run."""
    draws = generator(run, "jitter")

    def predict(x: Tensor, step: int) -> Tensor:
        return network(x, step) + JITTER * torch.randn(x.shape, generator=draws)

    return predict


def draw_pools(images: Tensor) -> Pools:
    """The images of every model of a trial, of training images n×d."""
    network, fp8 = Denoiser(images), Denoiser(rounded(images))
    return {
        "plain": draw_pool(network),
        "rerun": draw_pool(network, batch=64),
        "other run": draw_pool(network, batch=37),
        **{f"seed {seed}": draw_pool(network, seed) for seed in (1, 2, 3)},
        **{f"noisy {run}": draw_pool(jittered(network, run)) for run in (1, 2, 3)},
        "noisy seed": draw_pool(jittered(network, 4), 1),
        "wrong step": draw_pool(wrong_step(network)),
        "fp8": draw_pool(fp8),
        "cached": draw_pool(cached(network)),
        "noisy fp8": draw_pool(jittered(fp8, 5)),
        "noisy wrong step": draw_pool(wrong_step(jittered(network, 6))),
    }


def black_frame(images: Tensor) -> Tensor:
    """The images, one of which is black."""
    return torch.cat([torch.zeros_like(images[:1]), images[1:]])


def noise(share: float) -> Fault:
    """The images, of which this share, and at least one, is uniform noise."""

    def replace(images: Tensor) -> Tensor:
        count = max(1, round(share * len(images)))
        made = torch.randint(256, images[:count].shape, dtype=torch.uint8)
        return torch.cat([made, images[count:]])

    return replace


PLAIN = ("plain", "rerun", "seed 1")
NOISY = ("noisy 1", "noisy 2", "noisy seed")
UNSEEDED = ("seed 1", "seed 2", "seed 3")
CASES = (
    Case("nothing: another run, rounded differently", *PLAIN, "other run"),
    Case("nothing: a model whose runs differ a little", *NOISY, "noisy 3"),
    Case("nothing: the same model, another seed", *PLAIN, "seed 2"),
    Case("nothing: a model that ignores the seed", *UNSEEDED, "plain"),
    Case("one black frame", *PLAIN, "other run", black_frame),
    Case("one frame of noise", *PLAIN, "other run", noise(0)),
    Case("one wrong step in fifty", *PLAIN, "wrong step"),
    Case("weights rounded to fp8", *PLAIN, "fp8"),
    Case("a cache at every second step", *PLAIN, "cached"),
    Case("one black frame; runs differ a little", *NOISY, "noisy 3", black_frame),
    Case("one wrong step in fifty; runs differ a little", *NOISY, "noisy wrong step"),
    Case("weights rounded to fp8; runs differ a little", *NOISY, "noisy fp8"),
    Case("noise in a fifth of the images; another seed", *PLAIN, "seed 2", noise(0.2)),
    Case("noise in half of the images; another seed", *PLAIN, "seed 2", noise(0.5)),
    Case("a cache at every second step; the seed is ignored", *UNSEEDED, "cached"),
)


def trial(case: Case, pools: Pools, n: int, networks: PairNetworks, number: int) -> int:
    """The exit code of a check of n images of the case."""
    rows = torch.randperm(POOL, generator=generator(number, "trial"))[:n]
    reference, rerun, others, candidate = (
        pools[name][rows] for name in (case.reference, case.rerun, case.others, case.candidate)
    )
    draws = ModelDraws(case.fault(candidate), reference, rerun, lambda: others)
    return check_model(ModelScores(draws, networks), {}).exit_code


def row(case: Case, pools: Pools, counts: list[int], networks: PairNetworks, trials: int) -> str:
    """The case's row of the table."""
    cells = [case.title]
    for n in counts:
        codes = [trial(case, pools, n, networks, number) for number in range(trials)]
        shares = (100 * codes.count(code) / trials for code in (1, 0))
        cells.append(" / ".join(f"{share:.0f}" for share in shares))
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--images", default="8,32,100")
    arguments = parser.parse_args()
    counts = [int(n) for n in arguments.images.split(",")]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pools = draw_pools(to_float(load_dataset("digits").train.images).flatten(1))
    networks = PairNetworks(Remembered(load_extractor("classifier:digits")))
    for name in pools:
        difference = (pools[name].float() - pools["plain"].float()).square().mean((1, 2, 3)).sqrt()
        print(f"{name}: {float(difference.mean()):.3f} grey levels from plain")
    print(f"\n| what is wrong | {' | '.join(f'{n} images' for n in counts)} |")
    print(f"|---|{'--:|' * len(counts)}")
    for case in CASES:
        print(row(case, pools, counts, networks, arguments.trials), flush=True)


if __name__ == "__main__":
    main()
