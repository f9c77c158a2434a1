"""Small rows and no keywords: a way of their own through the library, and the same answers.

A default that is spelt out sends a call the long way, which the tests of measures take.
"""

import functools
import re

import numpy as np
import pytest

from every_measure import function_of, rows
from kl_c import _kernels

KINDS = {m: kind for m, kind in _kernels.MEASURES.items() if kind in ("pair", "single")}
every_measure = pytest.mark.parametrize("measure", KINDS)
every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)


def both_ways(measure, p, q):
    """The measure's arguments, and the two functions to give them to."""
    function = function_of(measure)
    return (
        (p, q)[: 2 if KINDS[measure] == "pair" else 1],
        function,
        functools.partial(function, form="probs"),
    )


def what_comes(function, arguments):
    try:
        return repr(function(*arguments))
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


@every_dtype
@every_measure
def test_the_short_way_gives_the_bits_of_the_long_one(measure, dtype):
    for n in (1, 2, 3, 4, 5, 8, 15, 16, 17, 1000, 4096, 4097):
        p, q = rows((n,), dtype=dtype), rows((n,), dtype=dtype, seed=1)
        given, short, long = both_ways(measure, p, q)
        score = long(*given)
        assert type(short(*given)) is float
        assert short(*given) == score
        assert [*map(short, *([x] for x in given))] == [score]
        assert functools.partial(short, given[0])(*given[1:]) == score
        assert short(**dict(zip("pq", given, strict=False))) == score


def unusual_pairs():
    p, q = rows((16,)), rows((16,), seed=1)
    narrow = p.astype("float32")
    unaligned = np.empty(16 * 8 + 1, np.uint8)[1:].view("float64")
    unaligned[:] = p

    class Subclass(np.ndarray):
        pass

    return {
        "strided": (np.repeat(p, 2)[::2], q),
        "reversed": (p, q[::-1]),
        "swapped": (p.astype(p.dtype.newbyteorder()), q),
        "unaligned": (unaligned, q),
        "of two dtypes": (narrow, q),
        "integers": (np.eye(16, dtype=int)[0], q),
        "lists": (p.tolist(), q.tolist()),
        "subclass": (p.view(Subclass), q),
        "of one row each": (p[None], q[None]),
        "0-D": (p[0], q[0]),
        "empty": (p[:0], q[:0]),
        "of two lengths": (p, q[1:]),
        "masked": (np.ma.array(p), q),
        "complex": (p.astype(complex), q),
        "nothing": (None, None),
        "NaN": (np.where(np.arange(16) == 3, np.nan, p), q),
        "infinite": (p, np.where(np.arange(16) == 3, np.inf, q)),
        "negative": (p, np.where(np.arange(16) == 3, -q, q)),
        "of mass 2": (2 * p, q),
        "at the tolerance": (p * (1 + 0.99995e-3), q),
        "near equality": (narrow, narrow * np.float32(1 + 1e-6)),
        "q without mass where p has it": (p, np.eye(16)[0]),
    }


@pytest.mark.parametrize("name", unusual_pairs())
@every_measure
def test_whatever_is_unusual_is_treated_as_on_the_long_way(measure, name):
    given, short, long = both_ways(measure, *unusual_pairs()[name])
    assert what_comes(short, given) == what_comes(long, given)


@every_measure
def test_a_wrong_number_of_arguments_is_said_by_python(measure):
    function = function_of(measure)
    p = rows((16,))
    count = 2 if KINDS[measure] == "pair" else 1
    with pytest.raises(TypeError, match=re.escape(f"{measure}() ")):
        function(*[p] * (count - 1))
    with pytest.raises(TypeError, match=re.escape(f"{measure}() ")):
        function(*[p] * (count + 2))
