"""Batches: axes broadcast as in NumPy, from memory as it lies, bit for bit the rows alone."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

import kl_c
from every_measure import (
    DTYPE_PAIRS,
    FORM_PAIRS,
    assert_close_to_reference,
    call,
    calls,
    rows,
)
from kl_c import _kernels
from rows_zoo import DTYPE

every_form = pytest.mark.parametrize("form", _kernels.FORMS)
every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)
PAIRS = [m for m, kind in _kernels.MEASURES.items() if kind == "pair"]
ELEMENTWISE = [m for m, kind in _kernels.MEASURES.items() if kind == "elementwise"]
LONG = 2 * _kernels.BLOCK + 3  # several blocks and a tail

EXTRA_MEMORY = 2**20  # what a batch may take beyond its inputs and the result


def assert_bits(x, y, message=""):
    np.testing.assert_array_equal(x, y, err_msg=message, strict=True)


def alone(measure, p, q, form):
    """Scores of a batch, each by a call of its own on a contiguous pair of rows."""
    batch = np.broadcast_shapes(p.shape[:-1], q.shape[:-1])
    p, q = (np.broadcast_to(x, (*batch, x.shape[-1])) for x in (p, q))
    scores = np.empty(batch)
    for row in np.ndindex(batch):
        scores[row] = call(measure, p[row].copy(), q[row].copy(), form)()
    return scores


BATCHES = [
    ((3,), ()),
    ((), (3,)),
    ((2, 1), (3,)),
    ((2, 1, 3), (4, 1)),
    ((1,), (3,)),
    ((2, 3), (1, 1)),
    ((0, 1), (3,)),
    ((1, 3), (2, 0, 1)),
]


@pytest.mark.parametrize(("p_batch", "q_batch"), BATCHES)
@every_form
def test_batch_axes_broadcast(form, p_batch, q_batch):
    for n in (7, LONG):
        p, q = rows((*p_batch, n), form), rows((*q_batch, n), form, seed=1)
        for measure in PAIRS:
            assert_bits(call(measure, p, q, form)(), alone(measure, p, q, form), measure)


@pytest.mark.parametrize(("p_shape", "q_shape"), [*BATCHES, ((3, 1), (5,)), ((2, 1, 4), (3, 1))])
@pytest.mark.parametrize("form", [form for form in _kernels.FORMS if form != "logits"])
def test_elements_broadcast(form, p_shape, q_shape):
    p = rows((*p_shape, 6), form)[..., 0]
    q = rows((*q_shape, 6), form, seed=1)[..., 0]
    for measure in ELEMENTWISE:
        whole = [np.ascontiguousarray(x) for x in np.broadcast_arrays(p, q)]
        expected = call(measure, *whole, form)()
        scores = call(measure, p, q, form)()
        assert_bits(scores, expected, measure)
        one_by_one = [
            call(measure, x, y, form)() for x, y in zip(*map(np.ravel, whole), strict=True)
        ]
        assert_bits(np.ravel(scores), np.array(one_by_one, float), measure)


def strided(x):
    return np.repeat(x, 3, -1)[..., 1::3]


def reversed_everywhere(x):
    back = (slice(None, None, -1),) * x.ndim
    return x[back].copy()[back]


def repeated(x):
    """Zero strides: the same row again and again."""
    return np.broadcast_to(x[0], x.shape)


def fortran(x):
    return np.asfortranarray(x)


def field(x):
    """Unaligned, beside a byte of something else."""
    packed = np.zeros(x.shape, [("pad", "u1"), ("x", x.dtype)])
    packed["x"] = x
    return packed["x"]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def big_endian(x):
    return x.astype(x.dtype.newbyteorder(">"))


def unaligned_big_endian(x):
    return field(big_endian(x))


LAYOUTS = (
    strided,
    reversed_everywhere,
    repeated,
    fortran,
    field,
    read_only,
    big_endian,
    unaligned_big_endian,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@every_form
@every_dtype
def test_layouts_of_batches(dtype, form, layout):
    p = layout(rows((2, 3, LONG), form, dtype))
    q = layout(rows((3, LONG), form, dtype, seed=1))
    plain = [np.array(x, DTYPE[dtype], order="C") for x in (p, q)]
    expected = {f.measure: f() for f in calls(*plain, form)}
    for f in calls(p, q, form):
        assert_bits(f(), expected[f.measure], f.measure)
    for mixed in ((p, plain[1]), (plain[0], q)):
        for measure in PAIRS:
            assert_bits(call(measure, *mixed, form)(), expected[measure], measure)
    np.testing.assert_array_equal(kl_c.check_rows(p, form=form), np.zeros((2, 3)))


@every_dtype
@every_form
def test_memory_maps(dtype, form, tmp_path):
    p, q = rows((3, LONG), form, dtype), rows((3, LONG), form, dtype, seed=1)
    p.tofile(tmp_path / "p")
    q.tofile(tmp_path / "q")
    mapped = [
        np.memmap(tmp_path / name, DTYPE[dtype], "r", shape=(3, LONG), offset=0) for name in "pq"
    ]
    for f, expected in zip(calls(*mapped, form), calls(p, q, form), strict=True):
        assert type(f()) is np.ndarray
        assert_bits(f(), expected(), f.measure)
    # Off the alignment of the type, inside the file.
    (tmp_path / "odd").write_bytes(b"x" + p.tobytes())
    odd = np.memmap(tmp_path / "odd", DTYPE[dtype], "r", shape=(3, LONG), offset=1)
    assert_bits(kl_c.entropy(odd, form=form), kl_c.entropy(p, form=form))


STEP = (1 << 27) + 4096  # which the first cache of some cores does not tell from 0


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_rows_in_step_are_the_rows_anywhere(dtype, form):
    """Blocks of q that would turn those of p out of the cache are copied first."""
    p, q = (rows((2, 1500), form, dtype, seed) for seed in (0, 1))
    pool = np.empty(STEP + p.nbytes + 64, np.uint8)  # of which next to nothing is touched
    for apart in (0, 64):
        p_there = pool[: p.nbytes].view(p.dtype).reshape(p.shape)
        q_there = pool[STEP + apart :][: q.nbytes].view(q.dtype).reshape(q.shape)
        p_there[...], q_there[...] = p, q
        for here, there in zip(calls(p, q, form), calls(p_there, q_there, form), strict=True):
            np.testing.assert_array_equal(there(), here(), err_msg=here.measure)
        found = kl_c.compare(p_there, q_there, form=form).summary()
        assert found == kl_c.compare(p, q, form=form).summary()


@every_dtype
@every_form
def test_rows_of_many_axes_are_the_rows_alone(dtype, form):
    for n in (1, 3, 2 * _kernels.LANES[dtype] + 1, LONG):
        p, q = rows((2, 2, 2, n), form, dtype), rows((2, 2, 2, n), form, dtype, seed=1)
        for f in calls(p, q, form):
            scores = f()
            for row in np.ndindex(2, 2, 2):
                single = call(f.measure, p[row].copy(), q[row].copy(), form)
                assert_bits(scores[row], np.asarray(single(), scores.dtype)[()], f.measure)


@pytest.mark.parametrize(("p_form", "q_form"), FORM_PAIRS)
def test_mixed_forms_and_dtypes(p_form, q_form):
    forms = (p_form, q_form)
    for dtypes in DTYPE_PAIRS:
        p = rows((4, 1, 19), p_form, dtypes[0])
        q = rows((3, 19), q_form, dtypes[1], seed=1)
        for f in calls(p, q, forms):
            assert_close_to_reference(f, dtypes, forms)


@pytest.mark.parametrize(("p_form", "q_form"), FORM_PAIRS)
def test_mixed_forms_with_missing_outcomes(p_form, q_form):
    forms = (p_form, q_form)
    for dtypes in DTYPE_PAIRS:
        p = rows((4, 19), p_form, dtypes[0])
        q = np.roll(rows((4, 19), q_form, dtypes[1], seed=1), 1, -1)
        for f in calls(p, q, forms):
            assert_close_to_reference(f, dtypes, forms)


@pytest.mark.parametrize(("p_form", "q_form"), FORM_PAIRS)
def test_mixed_rows_are_the_rows_alone(p_form, q_form):
    forms = (p_form, q_form)
    for dtypes in itertools.chain(DTYPE_PAIRS, [("int32", "float32")]):
        if dtypes[0] == "int32" and p_form != "counts":
            continue
        p = rows((2, 1, LONG), p_form)
        p = (
            np.rint(p * 1e5).astype(np.int32)
            if dtypes[0] == "int32"
            else p.astype(DTYPE[dtypes[0]])
        )
        q = rows((3, LONG), q_form, dtypes[1], seed=1)
        for measure in PAIRS:
            expected = alone(measure, p, q, forms)
            assert_bits(call(measure, p, q, forms)(), expected, measure)
            assert_bits(call(measure, fortran(p), q[:, ::-1].copy()[:, ::-1], forms)(), expected)


MEMORY = """
import sys
import numpy as np
import kl_c
from pathlib import Path

def peak():
    line, = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return 1024 * int(line.split()[1])

measure, dtype, p_form, q_form = sys.argv[1:]
def rows(*shape):
    return np.random.default_rng(0).random(shape, np.float32).astype(dtype)

form = p_form if p_form == q_form else (p_form, q_form)
f = getattr(kl_c, measure)
n = 4096
p, q = rows(100, 1, 2 * n)[..., ::-2], rows(1, 100, n)  # as one array each, 160 MB in float32
out = np.zeros((100, 100, n) if measure == "rel_entr" else (100, 100), np.float32)
out += 1  # touched
f(p[:2], q, form=form)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
before = peak()
f(p, q, form=form, out=out)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    ("measure", "dtype", "p_form", "q_form"),
    [
        ("kl_divergence", "float32", "counts", "counts"),
        ("js_divergence", "float64", "logits", "logits"),
        ("kl_divergence", "float16", "counts", "logits"),
        ("rel_entr", "float32", "counts", "counts"),
    ],
)
def test_broadcasting_copies_nothing(measure, dtype, p_form, q_form):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, measure, dtype, p_form, q_form],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= EXTRA_MEMORY
