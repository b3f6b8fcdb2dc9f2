"""The scatter about a known centre, of normal values among outliers."""

import numpy as np
import pytest

from photometrypipeline.base import cdmatrix, scatter


def test_outliers_and_nan_leave_the_scatter_as_it_is():
    values = np.random.default_rng(1).normal(3.0, 0.5, 20_000)
    values[:200], values[200:400] = 1e6, np.nan
    assert scatter.about(values, 3.0) == pytest.approx(0.5, rel=0.03)


def test_scatter_of_each_row():
    values = np.random.default_rng(2).normal(0.0, [[1.0], [4.0]], (2, 20_000))
    assert scatter.about(values, axis=1) == pytest.approx([1.0, 4.0], rel=0.03)
    assert scatter.about(values, axis=1, keepdims=True).shape == (2, 1)


def test_cards_of_a_matrix_are_read_back_in_place():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert cdmatrix.cards(matrix) == {"CD1_1": 1.0, "CD1_2": 2.0, "CD2_1": 3.0, "CD2_2": 4.0}
    assert (cdmatrix.of(cdmatrix.cards(matrix)) == matrix).all()
    with pytest.raises(KeyError, match="CD2_2"):
        cdmatrix.of({"CD1_1": 1, "CD1_2": 2, "CD2_1": 3})
