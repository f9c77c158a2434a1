"""Counting of labels: every dtype, far integers, few and many labels, wrong columns."""

import datetime

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics.cluster import contingency_matrix

import kl_c
from kl_c import _contingency
from kl_c._contingency import Cells, counted

RNG = np.random.default_rng(6)
COLUMNS = {
    "int64": RNG.integers(-5, 5, 300),
    "int8": RNG.integers(-128, 128, 300).astype(np.int8),
    "uint64 at its end": (2**64 - 1 - RNG.integers(0, 9, 300, dtype=np.uint64)).astype(np.uint64),
    "int64 at both ends": RNG.choice([-(2**63), 0, 2**63 - 1], 300),
    "int64 far apart": RNG.choice([-(10**12), 3, 10**15], 300),
    "bool": RNG.random(300) < 0.3,
    "float64": RNG.choice([-np.inf, -0.5, 0.0, 2.5], 300),
    "str": RNG.choice(["one", "two", "zwölf"], 300),
    "bytes": RNG.choice([b"one", b"two"], 300),
    "object": np.array(RNG.choice(["one", "two"], 300), object),
    "date": RNG.choice(np.array(["2020-02-29", "1969-07-20"], "M8[D]"), 300),
    "swapped": RNG.integers(-5, 5, 300).astype(">i4"),
    "strided": np.repeat(RNG.integers(-5, 5, 300), 3)[::3],
}


def by_hand(x, y):
    x_values, y_values = np.unique(x), np.unique(y)
    table = [[int(((x == a) & (y == b)).sum()) for b in y_values] for a in x_values]
    return x_values, y_values, table


@pytest.mark.parametrize("small", [1 << 20, 0])
@pytest.mark.parametrize("one", COLUMNS)
@pytest.mark.parametrize("two", ["int64", "int64 far apart", "str"])
def test_every_pair_is_counted(one, two, small, monkeypatch):
    monkeypatch.setattr(_contingency, "SMALL", small)
    x, y = COLUMNS[one], COLUMNS[two]
    table = kl_c.contingency_table(x, y)
    x_values, y_values, counts = by_hand(x, y)
    assert table.counts.dtype == np.int64
    np.testing.assert_array_equal(table.counts, counts)
    np.testing.assert_array_equal(table.x, x_values, strict=one != "swapped")
    np.testing.assert_array_equal(table.y, y_values, strict=True)
    found = counted(x, y)
    if isinstance(found, Cells):
        dense = np.zeros(found.shape, int)
        dense[found.x, found.y] = found.counts
        found = dense
    np.testing.assert_array_equal(found, counts)


@pytest.mark.parametrize("labels", [7, 70_000])
def test_counting_in_blocks_loses_none(labels):
    """More rows than a block, and a table larger than one."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, labels, 3 * _contingency.BLOCK + 17, dtype=np.int32)
    y = rng.integers(0, 11, x.size, dtype=np.int16)
    table = kl_c.contingency_table(x, y)
    np.testing.assert_array_equal(table.counts, contingency_matrix(x, y))
    np.testing.assert_array_equal(table.counts, scipy.stats.contingency.crosstab(x, y).count)


def test_no_table_of_many_labels_is_made():
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 10**6, (2, 50_000))
    x[:2], y[:2] = x[2:4], y[2:4]  # two pairs occur twice
    cells = counted(x, y)
    assert isinstance(cells, Cells)
    assert cells.counts.sum() == 50_000 and cells.counts.max() == 2
    assert cells.shape == (np.unique(x).size, np.unique(y).size)
    with pytest.raises(ValueError, match=r"a table of \d+ x \d+ labels takes .* bytes; expected"):
        kl_c.contingency_table(x, y)
    assert kl_c.mutual_information(labels=(x, y)) < np.log(50_000)
    assert kl_c.variation_of_information(labels=(x, [-7 * label for label in x])) == 0


def test_a_range_far_wider_than_its_labels_makes_a_small_table():
    x, y = np.array([0, 60_000, 0, 60_000]), np.array([0, 0, 60_000, 60_000])
    np.testing.assert_array_equal(counted(x, y), [[1, 1], [1, 1]])


def test_lists_and_columns_of_different_kind():
    table = kl_c.contingency_table([3, 1, 3], ("b", "a", "b"))
    assert table.counts.tolist() == [[1, 0], [0, 2]]
    assert (table.x.tolist(), table.y.tolist()) == ([1, 3], ["a", "b"])


class Missing:
    """As pandas.NA: neither equal to itself nor not."""

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    def __repr__(self):
        return "<NA>"


Missing.__name__ = "NAType"


@pytest.mark.parametrize(
    ("x", "kind", "said"),
    [
        ([1.0, np.nan, np.nan], ValueError, r"row 1 of x holds nan \(2 in all\); expected a label"),
        (np.array(["2020-01-01", "NaT", "NaT"], "M8[D]"), ValueError, "row 1 of x holds NaT"),
        (np.array(["a", "b", np.nan], object), ValueError, r"row 2 of x holds nan \(1 in all\)"),
        (np.array(["a", Missing(), "b"], object), ValueError, "row 1 of x holds <NA>"),
        (np.array([1, "b", 2], object), TypeError, "x holds labels that cannot be ordered: '<'"),
        (np.array([None, "b", "c"]), TypeError, "x holds labels that cannot be ordered"),
        (np.ma.array([1, 2, 3]), TypeError, "x is a masked array, whose mask would be ignored"),
        ([1, 2], ValueError, r"columns of one length, got shapes \(2,\) and \(3,\)"),
        ([[1, 2, 3]], ValueError, r"columns of one length, got shapes \(1, 3\) and \(3,\)"),
    ],
)
def test_columns_that_are_none_are_named(x, kind, said):
    with pytest.raises(kind, match=said):
        kl_c.contingency_table(x, [1, 2, 3])
    with pytest.raises(kind, match=said):
        kl_c.mutual_information(labels=(x, [1, 2, 3]))


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="x and y hold no labels; expected at least one row"):
        kl_c.contingency_table([], [])


def test_dates_of_python_are_labels():
    days = [datetime.date(2020, 2, 29), datetime.date(1969, 7, 20), datetime.date(2020, 2, 29)]
    assert kl_c.contingency_table(days, [1, 2, 1]).counts.tolist() == [[0, 1], [2, 0]]
