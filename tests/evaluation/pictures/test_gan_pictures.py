"""Pictures of GANs: over training, truncated, and with mixed styles."""

import io
from typing import Any

import torch
from PIL import Image

from harness.data import load_dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.pictures import PICTURES, chosen_pictures
from harness.evaluation.pictures.sheets import grid_png, grid_tiles
from harness.evaluation.pictures.styles import COARSE, CODES, FINE, TRUNCATIONS
from harness.evaluation.protocols import EvalConfig
from harness.families import build_family
from harness.plan import shape_of
from harness.training.init import initialise

DIGITS = load_dataset("digits")
SIDE = DIGITS.size


def model(family: str, **settings: Any) -> Any:
    built = initialise(lambda: build_family(family, settings, shape_of(DIGITS)), 0)
    built.networks.eval()
    return built


def evidence_of(built: Any, **given: Any) -> Evidence:
    return Evidence({**dataset_evidence(DIGITS), **given}, EvalConfig({}), model=built)


def names(built: Any) -> set[str]:
    return {spec.name for spec in chosen_pictures(DIGITS, built, [])}


def test_which_gans_have_which_pictures():
    common = {"samples", "latent-interpolations", "training-strip", "training-animation"}
    assert names(model("gan", width=4)) == common
    assert names(model("stylegan", width=4)) == common | {"truncation", "style-mixing"}
    assert names(model("gan", width=4, conditional=True)) == {"samples", "samples-by-class"}


def test_the_animation_shows_the_rows_of_the_strip():
    frames = torch.randint(0, 255, (5 * 8, 1, SIDE, SIDE), dtype=torch.uint8)
    strip = grid_png(frames, 8, "From the top.")
    e = evidence_of(model("gan", width=4), training_strip=strip)
    assert PICTURES["training-strip"].draw(e) == strip
    animated = Image.open(io.BytesIO(PICTURES["training-animation"].draw(e)))
    assert animated.n_frames == 5
    for number in range(5):
        animated.seek(number)
        shown = io.BytesIO()
        animated.convert("L").save(shown, "PNG")
        assert torch.equal(grid_tiles(shown.getvalue(), SIDE), frames[8 * number : 8 * number + 8])


def test_there_is_no_strip_of_a_training_that_kept_none():
    e = evidence_of(model("gan", width=4), training_strip=None)
    assert PICTURES["training-strip"].draw(e) == PICTURES["training-animation"].draw(e) == b""


def test_truncation_goes_from_the_mean_image_to_the_samples():
    built = model("stylegan", width=4)
    rows = grid_tiles(PICTURES["truncation"].draw(evidence_of(built)), SIDE)
    rows = rows.view(len(TRUNCATIONS), CODES, -1).float()
    assert (rows[0] - rows[0, :1]).abs().max() <= 1, "one mean image for all codes"
    spread = rows.std(dim=1).mean(dim=1)
    assert (spread.diff() > 0).all()
    assert built.settings.sampling.truncation == 1, "the model stays as it was"


def test_styles_are_mixed_by_row_and_column():
    built = model("stylegan", width=4)
    e = evidence_of(built)
    grid = grid_tiles(PICTURES["style-mixing"].draw(e), SIDE).view(COARSE + 1, FINE + 1, -1)
    assert (grid[0, 0] == 255).all()
    untruncated = grid_tiles(PICTURES["truncation"].draw(e), SIDE)[-CODES:]
    shown = torch.cat([grid[1:, 0], grid[0, 1:]])[:CODES]
    assert torch.equal(untruncated.flatten(1), shown), "the same codes as are truncated"
    codes = built.latents(COARSE + FINE, torch.Generator().manual_seed(0))
    assert len(codes) == COARSE + FINE
    assert not torch.equal(grid[1, 1], grid[1, 2])
    assert not torch.equal(grid[1, 1], grid[2, 1])
