"""Calls from many threads, after a fork and with any number of workers: the same bits."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import kl_c
from every_measure import calls, rows
from kl_c import _kernels

THREADS = 8
SHAPES = ((9,), (3, 40), (60, 300))  # with the GIL kept, and with the GIL released
# A thread is started for every 131072 elements, and one row is never split but between elements.
LARGE = (1000, 1001)
RAGGED = ((2, 500_001), (5, 200_003), (65, 15_013), (100_001, 9), (950_001,), (0, 900_000))
WORKERS = (2, 3, 7, 300, -1)


@pytest.fixture
def any_workers():
    yield
    kl_c.set_workers(None)


def every_call():
    return [
        call
        for form in _kernels.FORMS
        for dtype in _kernels.DTYPES
        for shape in SHAPES
        for call in calls(rows(shape, form, dtype), rows(shape, form, dtype, seed=1), form)
    ]


def in_threads(work):
    """Run ``work(number)`` in threads that start together; raise what any of them raised."""
    start, errors = threading.Barrier(THREADS), []

    def run(number):
        start.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_get_the_same_bits():
    todo = every_call()
    expected = [call() for call in todo]

    def work(number):
        # Each thread starts elsewhere, so that different kernels run side by side.
        for i in np.roll(np.arange(len(todo)), -number * len(todo) // THREADS):
            np.testing.assert_array_equal(todo[i](), expected[i], err_msg=todo[i].measure)

    in_threads(work)


def test_threads_get_their_own_errors():
    good = np.full((40, 300), 1 / 300)

    def work(number):
        bad = good.copy()
        bad[number, 2] = np.nan
        for _ in range(20):
            with pytest.raises(kl_c.InvalidRowsError) as caught:
                kl_c.kl_divergence(bad, good)
            assert (caught.value.array, caught.value.row, caught.value.count) == ("p", number, 1)

    in_threads(work)


def assert_same_for_any_workers(p, q, form, axis=-1, workers=WORKERS):
    for call in calls(p, q, form, axis):
        expected = call(workers=1)
        for count in workers:
            np.testing.assert_array_equal(call(workers=count), expected, call.measure)


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_workers_change_no_bit(form, dtype):
    for shape in (*SHAPES, LARGE):
        p, q = rows(shape, form, dtype), rows(shape, form, dtype, seed=1)
        assert_same_for_any_workers(p, q, form)


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("shape", RAGGED, ids=str)
def test_workers_change_no_bit_of_ragged_shapes(form, shape):
    p, q = rows(shape, form, "float32"), rows(shape, form, "float32", seed=1)
    assert_same_for_any_workers(p, q, form, workers=(2, 3, 7))


def test_workers_change_no_bit_of_any_layout():
    p, q = rows(LARGE, dtype="float32"), rows(LARGE, dtype="float32", seed=1)
    for axis_first in (p.T.copy(), q.T.copy()), (p.T.copy()[::-1, ::-1], q.T.copy()[::-1, ::-1]):
        assert_same_for_any_workers(*axis_first, "probs", axis=0)
    assert_same_for_any_workers(p[:, ::-1], q.astype(">f8")[:, ::-1], ("probs", "counts"))
    assert_same_for_any_workers(p[:, None][:7], q[:99], "probs")


def test_workers_find_the_same_invalid_rows():
    p, q = rows(LARGE), rows(LARGE, seed=1)
    p[[699, 310, 123]] *= 2
    q[[600, 310, 350]] = np.nan
    for call in calls(p, q):
        if call.measure == "nll":
            call.args[0][[5, 690]] = -1
        scores = call(invalid="nan", workers=1)
        with pytest.raises(kl_c.InvalidRowsError) as alone:
            call(workers=1)
        for workers in WORKERS:
            np.testing.assert_array_equal(call(invalid="nan", workers=workers), scores)
            with pytest.raises(kl_c.InvalidRowsError) as caught:
                call(workers=workers)
            assert str(caught.value) == str(alone.value)
            assert vars(caught.value) == vars(alone.value)


@pytest.mark.parametrize("workers", (*WORKERS, 1, None))
def test_default_workers_change_no_bit(any_workers, workers):
    p, q = rows(LARGE), rows(LARGE, seed=1)
    todo = [*every_call(), *calls(p, q)]
    expected = [call(workers=1) for call in todo]
    assert kl_c.set_workers(workers) is None
    for call, scores in zip(todo, expected, strict=True):
        np.testing.assert_array_equal(call(), scores, err_msg=call.measure)


def test_workers_write_to_out_of_any_strides():
    p, q = rows(LARGE), rows(LARGE, seed=1)
    expected = kl_c.kl_divergence(p, q)
    for workers in WORKERS:
        out = np.zeros((LARGE[0], 3))
        kl_c.kl_divergence(p, q, workers=workers, out=out[::-1, 1])
        np.testing.assert_array_equal(out[::-1, 1], expected)
        assert (out[:, ::2] == 0).all()


def test_threads_that_start_threads_get_the_same_bits():
    p, q = rows(LARGE, "logits"), rows(LARGE, "logits", seed=1)
    expected = kl_c.kl_divergence(p, q, form="logits")

    def work(number):
        for _ in range(3):
            scores = kl_c.kl_divergence(p, q, form="logits", workers=2)
            np.testing.assert_array_equal(scores, expected)

    in_threads(work)


FORK = """
import os, sys, threading
import numpy as np
import kl_c

x = np.random.default_rng(0).random((300, 1000))
y = np.random.default_rng(1).random((300, 1000))
def scores():
    return kl_c.kl_divergence(x, y, form="counts", workers=2).tobytes()

expected = scores()
child = os.fork()
if child == 0:
    os._exit(0 if scores() == expected else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert scores() == expected
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_call_after_fork_works():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
