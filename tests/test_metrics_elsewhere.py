"""Measures as metrics of other libraries, and the matrix in place of theirs."""

import numpy as np
import pytest

import kl_c
import limits


def rows(count=60, seed=0):
    """Three clusters."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).dirichlet(np.full(12, 0.3), 3)
    return 0.8 * centres[rng.integers(0, 3, count)] + 0.2 * rng.dirichlet(np.ones(12), count)


def test_pairwise_stands_in_for_cdist():
    distance = pytest.importorskip("scipy.spatial.distance", reason="SciPy is not installed")
    X, Y = rows(), rows(7, seed=2) * 3
    expected = distance.cdist(X, Y, "jensenshannon")
    found = kl_c.pairwise(X, Y, "js_distance", form="counts")
    # SciPy's own sum is off by some roundings of the divergence, the square.
    np.testing.assert_allclose(found**2, expected**2, rtol=0, atol=40 * limits.UNIT_ROUNDOFF)


def test_measures_are_metrics_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    X, Y = rows(), rows()[:7]
    for measure in (kl_c.js_distance, kl_c.kl_divergence):
        found = metrics.pairwise_distances(X, Y, metric=measure)
        np.testing.assert_allclose(found, kl_c.pairwise(X, Y, measure), rtol=limits.PAIRWISE[False])


@pytest.mark.parametrize("algorithm", ["auto", "brute", "ball_tree"])
def test_neighbours_of_scikit_learn(algorithm):
    neighbors = pytest.importorskip("sklearn.neighbors", reason="scikit-learn is not installed")
    X = rows()
    search = neighbors.NearestNeighbors(n_neighbors=4, metric=kl_c.js_distance, algorithm=algorithm)
    values, indices = search.fit(X).kneighbors(X)
    expected = kl_c.nearest(X, X, 4, "js_distance")
    np.testing.assert_array_equal(indices, expected[1])
    np.testing.assert_allclose(values, expected[0], rtol=limits.PAIRWISE[False])


def test_clusters_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    X = rows()
    by_function = cluster.DBSCAN(eps=0.3, min_samples=3, metric=kl_c.js_distance).fit(X)
    matrix = kl_c.pairwise(X, measure="js_distance")
    by_matrix = cluster.DBSCAN(eps=0.3, min_samples=3, metric="precomputed").fit(matrix)
    np.testing.assert_array_equal(by_function.labels_, by_matrix.labels_)
    assert len(set(by_function.labels_)) >= 3
