"""A curve's pyramid shows at any width what all points would show."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.ui.widgets.pyramid import Pyramid, Smoother

FINITE = st.floats(-1e6, 1e6)


@given(st.lists(st.lists(FINITE, max_size=40), max_size=20), st.integers(16, 64))
def test_that_extremes_of_any_window_survive(pieces: list[list[float]], most: int) -> None:
    pyramid = Pyramid()
    for piece in pieces:
        start = pyramid.size
        pyramid.append(np.arange(start, start + len(piece)), piece)
    values = np.array([value for piece in pieces for value in piece])
    assert pyramid.size == len(values)
    if not len(values):
        assert pyramid.bounds() is None
        return
    assert pyramid.bounds() == (values.min(), values.max())
    x, y = pyramid.window(0, len(values), most)
    assert y.min() == values.min()
    assert y.max() == values.max()
    assert (np.diff(x) >= 0).all()


def test_that_a_million_points_are_drawn_as_few() -> None:
    pyramid = Pyramid()
    values = np.random.default_rng(1).normal(size=1_000_000)
    pyramid.append(np.arange(1_000_000), values)
    x, y = pyramid.window(0, 1_000_000, 1600)
    assert 100 < len(x) <= 1602
    assert y.max() == values.max()
    close, _ = pyramid.window(500_000, 500_100, 1600)
    assert len(close) == pytest.approx(102, abs=2)  # near by, every point


def test_that_appending_does_not_look_at_old_points() -> None:
    """A million points one by one: a copy of the whole for each would take minutes."""
    pyramid = Pyramid()
    pyramid.append(np.arange(500_000), np.zeros(500_000))
    began = time.process_time()
    for number in range(2000):
        pyramid.append([500_000 + number], [1.0])
    assert time.process_time() - began < 1.0


def test_that_values_without_a_number_are_left_out() -> None:
    pyramid = Pyramid()
    pyramid.append([1, 2, 3, 4], [1.0, float("nan"), float("inf"), 2.0])
    assert pyramid.x.tolist() == [1, 4]
    assert pyramid.y.tolist() == [1.0, 2.0]


def test_that_the_nearest_point_is_found() -> None:
    pyramid = Pyramid()
    assert pyramid.nearest(3) is None
    pyramid.append([10, 20, 30], [1.0, 2.0, 3.0])
    assert pyramid.nearest(-5) == (10, 1.0)
    assert pyramid.nearest(24) == (20, 2.0)
    assert pyramid.nearest(99) == (30, 3.0)


def test_that_smoothing_in_pieces_equals_smoothing_at_once() -> None:
    values = np.random.default_rng(2).normal(3, 1, 400)
    whole = Smoother(50)(values)
    pieces = Smoother(50)
    assert np.allclose(np.concatenate([pieces(values[:7]), pieces(values[7:300]), pieces(values[300:])]), whole)


def test_that_smoothing_does_not_run_behind_a_falling_curve() -> None:
    falling = np.linspace(2.0, 1.0, 400)
    assert np.abs(Smoother(50)(falling)[-1] - falling[-1]) < 0.005  # a plain average would be 0.06 behind


def test_that_a_loss_that_fell_to_nothing_is_not_shown_below_it() -> None:
    loss = np.maximum(np.linspace(1.2, -2.0, 100), 0.02)
    whole, pieces = Smoother(50)(loss), Smoother(50)
    assert whole.min() == 0.02
    assert np.allclose(np.concatenate([pieces(loss[:45]), pieces(loss[45:])]), whole)


def test_that_smoothing_takes_the_noise_away() -> None:
    noise = np.random.default_rng(3).normal(0, 1, 2000)
    assert Smoother(50)(noise)[200:].std() < 0.35


def test_that_smoothing_has_no_bias_at_its_start() -> None:
    assert np.allclose(Smoother(50)([2.0] * 10), 2.0)
    assert Smoother(50)([2.0, float("nan"), 2.0])[-1] == pytest.approx(2.0)
