"""A user's family is tried before it trains: what is wrong is one line that says where, at once."""

from pathlib import Path

import pytest
import torch
from user_models import write

from harness.config.suite import load_suite
from harness.core.errors import BadInput, SpecError
from harness.core.user_code import look_in
from harness.plan import check_suite, make_plan
from harness.plan.family_trial import try_checked, try_planned

LOSS = 'return {"loss": (rebuilt - batch.x).square().mean()}'
SAMPLE = 'self.networks["decoder"](z).view(n, shape.channels, shape.size, shape.size)'
DRAW = "torch.randn(n, self.settings.latent, generator=generator, device=generator.device)"
MODULES = 'nn.ModuleDict({"encoder": encoder, "decoder": decoder})'
PLAYER = 'Player("model", networks, self.noise, self.loss, self.settings.optimizer)'
NOISE = "        return {}\n"

CASES = {
    "no ModuleDict": (MODULES, "nn.Sequential(encoder, decoder)", "build gave a Seq", "build"),
    "build fails": (MODULES, "1 / 0", "build fails with ZeroDivisionError", "build"),
    "no such network": (
        '("encoder", "decoder")', '("encoder", "decodr")',
        "trains 'decodr', no network; did you mean 'decoder'", "phases",
    ),
    "networks in a word": ('networks = ("encoder", "decoder")', 'networks = "encoder"',
                           "a tuple of networks is needed, as ('encoder',)", "phases"),
    "no phases": ("return (Phase((player,)),)", "return ()", "one is needed", "phases"),
    "players, not phases": ("return (Phase((player,)),)", "return (player,)", "no tuple of Phase",
                            "phases"),
    "a phase that only begins has a share": (
        "return (Phase((player,)),)",
        'return (Phase((player,)), Phase(name="fit", begin=self.sample))',
        "phase 'fit' has no players and a share of 1; one that only begins has share=0.0", "phases",
    ),
    "begin fails": (
        "return (Phase((player,)),)", "return (Phase((player,), begin=self.reconstruct),)",
        "begin fails with TypeError", "reconstruct",
    ),
    "after fails": (PLAYER, f"{PLAYER[:-1]}, after=self.reconstruct)",
                    "after fails with TypeError", "reconstruct"),
    "after logs no scalars": (PLAYER, f"{PLAYER[:-1]}, after=self.after)",
                              "after gave a int as 'x'; scalars are needed", "after"),
    "prepare gives no noise": (PLAYER, f"{PLAYER[:-1]}, prepare=self.prepare)",
                               "prepare gave a NoneType; a dict of tensors is needed", "prepare"),
    "a loss alone": (LOSS, "return (rebuilt - batch.x).square().mean()",
                     "loss gave a Tensor; a dict with the scalar 'loss'", "loss"),
    "another name": (LOSS, LOSS.replace('"loss"', '"mse"'), "gave 'mse'; 'loss', which", "loss"),
    "no scalar": (LOSS, LOSS.replace(".mean()", ""), "of shape (64, 1, 16, 16) as 'loss'", "loss"),
    "detached": (LOSS, LOSS.replace(".mean()", ".mean().detach()"), "without gradients", "loss"),
    "a number": (LOSS, LOSS.replace(".mean()", ".mean().item()"), "a float as 'loss'", "loss"),
    "of other weights": (LOSS, 'return {"loss": sum(p.sum() for p in networks.extra.parameters())}',
                         "does not depend on encoder, decoder", "loss"),
    "the loss fails": ("rebuilt = networks", "rebuilt = batch.y; networks",
                       "the loss fails with AttributeError", "loss"),
    "the loss ends the program": (LOSS, "raise SystemExit(3)", "the loss fails with SystemExit: 3",
                                  "loss"),
    "the loss is NaN": (LOSS, LOSS.replace(".mean()", ".mean() * float('nan')"),
                        "gave nan as 'loss' on the first batch", "loss"),
    "a loss of two": ("def loss(self, networks, batch, noise)", "def loss(self, networks, batch)",
                      "the loss fails with TypeError", "loss"),
    "no generator": ("def sample(self, n, generator)", "def sample(self, n)",
                     "sample is called with 2 arguments: too many", "sample"),
    "noise of its own": (NOISE, '        return {"z": torch.randn(n)}\n',
                         "noise gave others from the same generator", "noise"),
    "noise is no dict": (NOISE, "        return None\n", "a dict of tensors is needed", "noise"),
    "bytes": (SAMPLE, f"({SAMPLE} + 1) * 127.5", "images lie in [-1, 1]", "sample"),
    "0 to 1": (SAMPLE, f"({SAMPLE} + 1) / 2", "not in [0, 1]", "sample"),
    "whole numbers": (SAMPLE, f"({SAMPLE}).round().long()", "floating-point", "sample"),
    "half as many": (SAMPLE, f"{SAMPLE}[: n // 2]", "gave 4 where 8 were asked for", "sample"),
    "channels last": (SAMPLE, f"{SAMPLE}.permute(0, 2, 3, 1)", "8×1×16×16 is needed", "sample"),
    "not finite": (SAMPLE, f"{SAMPLE} / 0", "not finite", "sample"),
    "its own chance": (DRAW, "torch.randn(n, self.settings.latent)",
                       "gave other images from the same generator", "sample"),
    "always the same": (DRAW, "torch.arange(n * self.settings.latent).view(n, -1) / n",
                        "drew nothing from its generator", "sample"),
    "the same dice": (DRAW, "torch.randn(n, 4, generator=torch.Generator().manual_seed(0))",
                      "drew nothing from its generator", "sample"),
    "sampling fails": (SAMPLE, f"{SAMPLE}.nothing", "fails with AttributeError", "sample"),
    "reconstructions": (".view_as(x)\n", ".view_as(x) * 255\n", "images lie in [-1, 1]",
                        "reconstruct"),
}  # fmt: skip

HELPERS = {
    "after": "    def after(self, networks, batch, noise):\n        return {'x': 1}\n\n",
    "prepare": "    def prepare(self, networks, batch, noise):\n        pass\n\n",
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_found_before_it_trains(tmp_path: Path, case):
    old, new, words, place = CASES[case]
    changes = {old: new}
    if "extra" in new:
        changes[MODULES] = MODULES.replace("})", ', "extra": nn.Linear(2, 2)})')
    if place in HELPERS:
        changes["    def noise("] = HELPERS[place] + "    def noise("
    loaded = load_suite(str(write(tmp_path, changes, family="mine.broken:Net")))
    looks = [
        lambda: try_checked(loaded, *check_suite(loaded)),
        lambda: try_planned(plan := make_plan(loaded, "cpu", None), plan.cells),
    ]
    for look in looks[case == "0 to 1" :]:  # which only the data can tell
        with pytest.raises(SpecError) as error:
            look()
        said = str(error.value)
        assert said.startswith(f"{tmp_path / 'net.yaml'}:1: net.yaml on digits: ")
        assert words in said
        assert f"mine/broken.py:{line_of(tmp_path, place)}" in said or "fails with" in said
        assert said.endswith(f" in {place})")
        assert "\n" not in said
    look_in(None)


def line_of(folder: Path, method: str) -> int:
    lines = (folder / "mine" / "broken.py").read_text().splitlines()
    return 1 + next(i for i, line in enumerate(lines) if f"def {method}(" in line)


def test_a_right_family_passes_and_torchs_global_generator_is_left_alone(tmp_path):
    loaded = load_suite(str(write(tmp_path, {NOISE: "        torch.manual_seed(0)\n" + NOISE})))
    before = torch.get_rng_state()
    try_checked(loaded, *check_suite(loaded))
    plan = make_plan(loaded, "cpu", None)
    try_planned(plan, plan.cells)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class Net(Family)": "class Net"}, "is the class Net, not a class that extends Family"),
        ({"class Net(Family)": "class Net(nn.Module)"}, "not a class that extends Family"),
        ({"    Settings = Settings\n": ""}, "has no Settings: give it a class that extends"),
        ({"    Settings = Settings\n": "    Settings = dict\n"}, "whose Settings are <class"),
        ({"def phases(self)": "def phase(self)"}, "has no method phases (mine/broken.py:12)"),
        ({"def build(self)": "def make(self)"}, "has no method build (mine/broken.py:12)"),
    ],
)  # fmt: skip
def test_what_is_no_family_is_said_in_one_line(tmp_path, change, words):
    loaded = load_suite(str(write(tmp_path, change, family="mine.broken:Net")))
    with pytest.raises(BadInput) as error:
        check_suite(loaded)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'net.yaml'}:1: family 'mine.broken:Net' ")
    assert words in said
    assert "\n" not in said
    look_in(None)
