"""The nearest rows, against sorting the whole matrix, and in little memory."""

import tracemalloc

import numpy as np
import pytest

import kl_c


@pytest.mark.parametrize("measure", ["js_divergence", "js_distance", "kl_divergence", "reverse_kl"])
@pytest.mark.parametrize("k", [1, 3, 2500])
def test_nearest_are_the_first_of_the_sorted_matrix(measure, k):
    rng = np.random.default_rng(0)
    X, Y = rng.dirichlet(np.ones(4), 30), rng.dirichlet(np.ones(4), 2500)
    Y[1000:1200] = Y[:200]  # ties, over more than one block
    values, indices = kl_c.nearest(X, Y, k, measure)
    scores = kl_c.pairwise(X, Y, measure)
    expected = np.argsort(scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(scores, expected, 1))


def test_ties_go_to_the_lowest_index_and_nan_to_the_end():
    Y = np.full((3000, 2), 0.5)
    Y[::7] = np.nan
    values, indices = kl_c.nearest(Y[1:2], Y, 2600, invalid="nan")
    good, bad = (np.flatnonzero(np.isnan(Y[:, 0]) == x) for x in (False, True))
    np.testing.assert_array_equal(indices[0], np.concatenate([good, bad])[:2600])
    assert np.isnan(values[0, len(good) :]).all()


def test_infinite_scores_come_before_nan():
    Y = np.array([[0.0, 1.0], [np.nan, 1.0], [1.0, 0.0], [0.5, 0.5]])
    values, indices = kl_c.nearest([[0.5, 0.5]], Y, 4, "kl_divergence", eps=0, invalid="nan")
    np.testing.assert_array_equal(indices, [[3, 0, 2, 1]])
    np.testing.assert_array_equal(values, [[0, np.inf, np.inf, np.nan]])


@pytest.mark.parametrize(
    ("k", "error", "text"),
    [
        (0, ValueError, "k must lie between 1 and the 3 rows of Y, got 0"),
        (4, ValueError, "k must lie between 1 and the 3 rows of Y, got 4"),
        (1.5, TypeError, "k must be an integer, got float"),
    ],
)
def test_k_out_of_range(k, error, text):
    with pytest.raises(error, match=text):
        kl_c.nearest([[0.5, 0.5]], [[0.5, 0.5]] * 3, k)


def test_a_unit_that_turns_the_order_is_refused():
    with pytest.raises(ValueError, match="base must be above 1"):
        kl_c.nearest([[0.5, 0.5]], [[0.5, 0.5]], 1, base=0.5)


def test_progress_reaches_the_whole():
    said = []
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 2500)
    kl_c.nearest(rows[:20], rows, 2, progress=lambda done, total: said.append((done, total)))
    assert said[-1] == (20 * 2500, 20 * 2500) and len(said) > 1


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """NumPy's own account of its arrays: twice the rows of a map take no more."""
    peaks = []
    for rows in (30_000, 60_000):
        Y = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", np.float32, (rows, 500))
        Y[:] = np.random.default_rng(0).random((1, 500), np.float32) + 0.5
        Y /= Y.sum(axis=1, keepdims=True)
        for measure in ("kl_divergence", "js_divergence"):
            tracemalloc.start()
            kl_c.nearest(Y[:10], Y, 3, measure)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks[2:]) <= max(peaks[:2]) + (1 << 20)
    assert max(peaks) < rows * 500 * 8
