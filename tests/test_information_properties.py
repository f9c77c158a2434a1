"""What must hold of the information in any table and in any columns of labels."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import kl_c
import limits

ORDERS = ("arithmetic", "geometric", "min", "max")


@st.composite
def weights(draw):
    """A table of 1 to 12 rows and columns, with holes, its weights over few or many decades."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    spread = draw(st.sampled_from([0.0, 1e-9, 1.0, 30.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = np.exp(rng.uniform(-spread, 0, shape))
    table[rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.95]))] = 0
    table[0, 0] += draw(st.sampled_from([1e-9, 1.0, 1e9]))
    return table


@st.composite
def columns(draw, count):
    """Columns of one length, of few labels each."""
    length = draw(st.integers(1, 30))
    labels = st.lists(st.integers(-2, 3), min_size=length, max_size=length)
    return [draw(labels) for _ in range(count)]


def measures(table):
    call = {"form": "counts"}
    return {
        "I": kl_c.mutual_information(table, **call),
        "H(X)": kl_c.entropy(table.sum(1), **call),
        "H(Y)": kl_c.entropy(table.sum(0), **call),
        "H(X,Y)": kl_c.joint_entropy(table, **call),
        "H(X|Y)": kl_c.conditional_entropy(table, **call),
        "H(Y|X)": kl_c.conditional_entropy(table, given="x", **call),
        "VI": kl_c.variation_of_information(table, **call),
    }


def allowed(*entropies):
    """Of a sum of these: their limits, and that of an information no larger than they are."""
    return sum(limits.TABLE * h + limits.information_error(h) for h in entropies)


@given(table=weights())
def test_information_lies_between_nothing_and_both_entropies(table):
    of = measures(table)
    for h in ("H(X)", "H(Y)"):
        assert 0 <= of["I"] <= of[h] + allowed(of[h])
    assert min(of.values()) >= 0


@given(table=weights())
def test_information_is_symmetric(table):
    of, other = measures(table), measures(table.T)
    assert abs(of["I"] - other["I"]) <= 2 * limits.information_error(of["I"])
    assert abs(of["VI"] - other["VI"]) <= limits.TABLE * of["VI"]
    for average in ORDERS:
        one, two = (
            kl_c.normalized_mutual_information(x, form="counts", average=average)
            for x in (table, table.T)
        )
        assert 0 <= one <= 1
        least = min(of["H(X)"], of["H(Y)"])
        error = 2 * limits.information_error(of["I"]) + 2 * limits.TABLE * of["I"]
        assert abs(one - two) <= (error / least if least else 0)


@given(table=weights())
def test_chain_rules(table):
    of = measures(table)
    error = allowed(of["H(X,Y)"], of["H(X)"], of["H(Y)"])
    assert abs(of["H(X,Y)"] - of["H(X)"] - of["H(Y|X)"]) <= error
    assert abs(of["H(X,Y)"] - of["H(Y)"] - of["H(X|Y)"]) <= error
    assert abs(of["H(X)"] - of["H(X|Y)"] - of["I"]) <= error
    assert abs(of["H(X,Y)"] - of["I"] - of["VI"]) <= error


@given(table=weights(), seed=st.integers(0, 2**32 - 1))
def test_merging_labels_never_raises_the_information(table, seed):
    into = np.random.default_rng(seed).integers(0, 3, table.shape[1])
    merged = np.stack([table[:, into == k].sum(1) for k in range(3)], 1)
    whole = kl_c.mutual_information(table, form="counts")
    least = kl_c.mutual_information(merged, form="counts")
    assert least <= whole + 2 * limits.information_error(whole)


@given(table=weights())
def test_a_twin_outcome_changes_nothing(table):
    """Half of a column's weight in a column of its own tells nothing more of x."""
    twins = np.column_stack([table[:, :1] / 2, table[:, :1] / 2, table[:, 1:]])
    whole = kl_c.mutual_information(table, form="counts")
    value = kl_c.mutual_information(twins, form="counts")
    assert abs(value - whole) <= 2 * limits.information_error(whole)


@given(labels=columns(3))
def test_variation_of_information_is_a_metric(labels):
    def vi(x, y):
        return kl_c.variation_of_information(labels=(x, y))

    x, y, z = labels
    assert vi(x, z) <= vi(x, y) + vi(y, z) + limits.TABLE * (1 + np.log(len(x)))
    assert vi(x, y) == pytest.approx(vi(y, x), rel=limits.TABLE, abs=0)
    assert vi(x, x) == 0
    assert vi(x, [-7 * label for label in x]) == 0
    same = len(set(zip(x, y, strict=True))) == len(set(x)) == len(set(y))
    assert (vi(x, y) == 0) == same
    assert vi(x, y) <= np.log(len(x)) + limits.TABLE * (1 + np.log(len(x)))


@given(labels=columns(2))
def test_normalised_pointwise_terms_lie_between_their_bounds(labels):
    npmi = kl_c.pointwise_mutual_information(labels=labels, normalized=True)
    assert (abs(npmi) <= 1 + limits.POINTWISE * (1 + len(labels[0]))).all()


@given(labels=columns(2), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_the_names_of_labels_do_not_matter(labels, seed):
    x, y = map(np.array, labels)
    order = np.random.default_rng(seed).permutation(len(x))
    value = kl_c.mutual_information(labels=(x, y))
    assert kl_c.mutual_information(labels=(x[order], y[order])) == value
    named = np.array(["c", "a", "b", "d", "f", "e"])[x + 2]  # of another order
    other = kl_c.mutual_information(labels=(named, y))
    assert abs(other - value) <= 2 * limits.information_error(value)
