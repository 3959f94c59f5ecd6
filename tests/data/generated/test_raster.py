import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.generated import polygons, sprites
from harness.data.generated.raster import LEVELS, SUBPIXELS, circle, coverage

UNIT, SIZE = 16, 6
corners = st.tuples(st.integers(0, UNIT * SIZE), st.integers(0, UNIT * SIZE))


def test_a_square_covers_its_area():
    square = np.array([[(UNIT, UNIT), (3 * UNIT, UNIT), (3 * UNIT, 2 * UNIT), (UNIT, 2 * UNIT)]])
    inside = np.zeros((SIZE, SIZE))
    inside[1, 1:3] = LEVELS
    assert np.array_equal(coverage(square, UNIT, SIZE)[0], inside)
    assert np.array_equal(coverage(square + UNIT // 2, UNIT, SIZE)[0, 1:3, 1:4] * 4 // LEVELS,
                          [[1, 2, 1], [1, 2, 1]])  # fmt: skip


@given(st.tuples(corners, corners, corners))
def test_coverage_counts_the_centres_that_are_inside(triangle):
    """Those on the border are anyone's."""
    found = coverage(np.array([triangle]), UNIT, SIZE)[0]
    centres = UNIT // (2 * SUBPIXELS) * (2 * np.arange(SUBPIXELS * SIZE) + 1)
    x, y = np.meshgrid(centres, centres)
    sides = np.stack([
        (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        for (ax, ay), (bx, by) in zip(triangle, triangle[1:] + triangle[:1], strict=True)
    ])  # fmt: skip
    within = (sides > 0).all(axis=0) | (sides < 0).all(axis=0)
    touched = (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)
    blocks = (SIZE, SUBPIXELS, SIZE, SUBPIXELS)
    assert (within.reshape(blocks).sum(axis=(1, 3)) <= found).all()
    assert (found <= touched.reshape(blocks).sum(axis=(1, 3))).all()


def test_the_direction_of_an_outline_does_not_matter():
    shape = sprites.sprite_outline("heart")[None] // 16 + UNIT * SIZE // 2
    assert np.array_equal(coverage(shape, UNIT, SIZE), coverage(shape[:, ::-1], UNIT, SIZE))


def test_a_unit_that_has_no_centres_is_refused():
    with pytest.raises(ValueError, match="multiple of 16"):
        coverage(np.zeros((1, 3, 2), dtype=np.int64), 24, SIZE)


@pytest.mark.parametrize(
    ("steps", "radius"), [(polygons.TURN, polygons.RADIUS), (24, 2**10), (48, 2**10)]
)
def test_no_coordinate_is_near_to_being_rounded_otherwise(steps: int, radius: int):
    angles = np.arange(steps) * (2 * np.pi / steps)
    exact = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-6
    assert np.abs(exact - circle(steps, radius)).max() <= 0.5


def test_no_point_of_the_heart_is_near_to_being_rounded_otherwise():
    exact = sprites.heart()
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-6
