"""What each keyword and each kind of input means, for every measure that takes it."""

import math
import warnings

import numpy as np
import pytest

import kl_c
import limits
from every_measure import (
    FORM_PAIRS,
    assert_close_to_reference,
    call,
    calls,
    given_as,
    rows,
    takes,
    taking,
)
from kl_c import _kernels
from rows_zoo import DTYPE

every_form = pytest.mark.parametrize("form", _kernels.FORMS)
every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)
every_measure = pytest.mark.parametrize("measure", _kernels.MEASURES)
LOG_FORMS = ("log_probs", "logits")


def assert_bits(x, y, message=""):
    np.testing.assert_array_equal(x, y, err_msg=message, strict=True)


# axis and keepdims


@every_form
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis_is_where_the_outcomes_are(axis, form):
    p, q = rows((4, 5, 37), form), rows((4, 5, 37), form, seed=1)
    for measure in taking("axis"):
        expected = call(measure, p, q, form)()
        moved = call(measure, np.moveaxis(p, -1, axis), np.moveaxis(q, -1, axis), form, axis)
        assert_bits(moved(), expected, measure)
        assert_bits(moved(keepdims=True), np.expand_dims(expected, axis), measure)


def test_axis_is_resolved_in_each_array_by_itself():
    p, q = rows((7,)), rows((5, 7), seed=1)
    for measure in (m for m, kind in _kernels.MEASURES.items() if kind == "pair"):
        expected = call(measure, p, q)()
        moved = call(measure, p, q.T, axis=0)
        assert_bits(moved(), expected, measure)
        assert_bits(moved(keepdims=True), expected[None], measure)
        # Axis 1 of each: batch (3,) against (4, 3) once the outcomes are out of the way.
        p3, q3 = rows((3, 7)), rows((4, 3, 7), seed=1)
        expected = call(measure, p3, q3)()
        moved = call(measure, p3, q3.swapaxes(1, 2), axis=1)
        assert_bits(moved(), expected, measure)
        assert_bits(moved(keepdims=True), expected[:, None], measure)


def test_many_axes():
    most = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32  # NumPy's own limit
    p = rows((2,) + (1,) * (most - 3) + (2, 3))
    flat = p.reshape(4, 3)
    for f, expected in zip(calls(p, p), calls(flat, flat), strict=True):
        assert_bits(f().ravel(), expected().ravel(), f.measure)


# base, eps, temperature, weight


@every_form
@pytest.mark.parametrize("base", [2, 10.0, math.e, np.float32(3), 1.0000001, 1e300])
def test_base_is_the_unit(base, form):
    p, q = rows((19,), form), rows((19,), form, seed=1)
    for f in calls(p, q, form, measures=taking("base")):
        assert_close_to_reference(f, ("float64",), (form,), base=base)


def test_a_base_below_one_turns_the_sign():
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    for f in calls(p, q, measures=taking("base")):
        if f.measure != "js_distance":  # whose root there is none
            np.testing.assert_array_equal(f(base=0.5), -np.asarray(f(base=2)), f.measure)


@pytest.mark.parametrize("forms", FORM_PAIRS)
@pytest.mark.parametrize("eps", [None, 0, 1e-3, 0.04, 1, 1e-310])
def test_eps_is_the_floor_of_q(forms, eps):
    p, q = rows((6, 19), forms[0]), rows((6, 19), forms[1], seed=1)
    q = np.roll(q, 1, -1)  # some outcomes of p are missing from q
    for f in calls(p, q, forms, measures=taking("eps")):
        assert_close_to_reference(f, ("float64",), forms, eps=eps)


@pytest.mark.parametrize("forms", FORM_PAIRS)
def test_default_eps_is_that_of_the_form_of_q(forms):
    p, q = (given_as(np.array(x), f) for x, f in zip(([0.5, 0.5], [1.0, 0.0]), forms, strict=True))
    floor = 0 if forms[1] in LOG_FORMS else 2.0**-126
    for f in calls(p, q, forms, measures=taking("eps")):
        assert_bits(f(), f(eps=floor), f.measure)
        assert np.isinf(f()).any() == (floor == 0)


@pytest.mark.parametrize("forms", FORM_PAIRS)
@pytest.mark.parametrize("temperature", [0.7, 3, 1e-3, 1e3])
def test_temperature_divides_logits_alone(forms, temperature):
    p, q = rows((6, 19), forms[0]), rows((6, 19), forms[1], seed=1)
    for f in calls(p, q, forms, measures=taking("temperature")):
        if "logits" in np.ravel(f.keywords["form"]):
            assert_close_to_reference(f, ("float64",), forms, temperature=temperature)


@every_form
@pytest.mark.parametrize("weight", [0, 1, 0.5, 0.25, 0.9, 1e-6])
def test_weight_is_that_of_p(weight, form):
    p, q = rows((6, 19), form), np.roll(rows((6, 19), form, seed=1), 1, -1)
    for f in calls(p, q, form, measures=taking("weight")):
        assert_close_to_reference(f, ("float64",), (form,), weight=weight)


# out


@every_dtype
def test_out_is_returned_and_holds_the_result(dtype):
    p, q = rows((4, 5, 9), dtype=dtype), rows((4, 5, 9), dtype=dtype, seed=1)
    for f in calls(p, q):
        for more in ({}, {"keepdims": True}) if takes(f.measure, "keepdims") else ({},):
            expected = f(**more)
            for out_dtype in (np.float64, np.float32):
                out = np.full(expected.shape, 7, out_dtype)
                assert f(out=out, **more) is out
                # A wide `out` keeps what the narrow result rounds off.
                narrow = min(out.dtype, expected.dtype, key=lambda dtype: dtype.itemsize)
                assert_bits(out.astype(narrow), expected.astype(narrow), f.measure)


@every_measure
def test_out_may_have_any_strides(measure):
    p, q = rows((4, 5, 9)), rows((4, 5, 9), seed=1)
    f = call(measure, p, q)
    expected = f()
    for dtype in (np.float64, np.float32):
        for view in (
            lambda x: x[tuple(slice(1, None, 2) for _ in x.shape)],
            lambda x: x[tuple(slice(None, None, -2) for _ in x.shape)],
            lambda x: x.transpose()[tuple(slice(n) for n in expected.shape)],
        ):
            whole = np.full([2 * max(expected.shape)] * expected.ndim, 7, dtype)
            out = view(whole)[tuple(slice(n) for n in expected.shape)]
            assert f(out=out) is out
            assert_bits(out, expected.astype(dtype), measure)
            out[...] = 7
            assert (whole == 7).all()  # nothing was written beside it
        packed = np.zeros(expected.shape, [("pad", "u1"), ("x", dtype)])  # unaligned
        f(out=packed["x"])
        assert_bits(packed["x"], expected.astype(dtype), measure)
        assert (packed["pad"] == 0).all()


@every_measure
def test_out_may_be_a_memory_map(measure, tmp_path):
    f = call(measure, rows((4, 9)), rows((4, 9), seed=1))
    expected = f()
    out = np.memmap(tmp_path / "out", np.float64, "w+", shape=expected.shape)
    assert f(out=out) is out
    assert_bits(np.asarray(out), expected, measure)


def test_out_without_axes_is_returned_as_an_array():
    for f in calls(np.array([0.5, 0.5]), np.array([0.25, 0.75])):
        if f.measure != "rel_entr":
            out = np.empty(())
            assert f(out=out) is out
            assert out.item() == f()
    out = np.empty((), np.float32)
    assert kl_c.rel_entr(0.5, 0.25, out=out) is out
    assert out.item() == np.float32(kl_c.rel_entr(0.5, 0.25))


@every_measure
def test_out_may_overlap_the_inputs(measure):
    """The result is that of inputs which lie elsewhere."""
    for lies in ("first column", "last column reversed", "shifted"):
        memory = rows((6, 6), "counts")
        memory[memory == 0] = 1
        other = rows((6, 6), "counts", seed=1)
        for spoil_q in (False, True):
            p, q = (other, memory.copy()) if spoil_q else (memory.copy(), other)
            spoiled = q if spoil_q else p
            f = call(measure, p, q, "counts")
            expected = f()
            if expected.ndim == 2:
                out = {"first column": spoiled, "last column reversed": spoiled[::-1, ::-1]}.get(
                    lies, spoiled.T
                )
            else:
                out = {
                    "first column": spoiled[:, 0],
                    "last column reversed": spoiled[::-1, -1],
                }.get(lies, spoiled.ravel()[3:9])
            f(out=out)
            assert_bits(out, expected, f"{measure} {lies}")


def test_out_may_overlap_the_labels():
    memory = np.arange(4.0)
    labels = memory.view(np.int64)
    labels[...] = [0, 1, 2, 3]
    q = rows((4, 4), "logits")
    expected = kl_c.nll(labels, q, form="logits")
    kl_c.nll(labels, q, form="logits", out=memory[::-1])
    assert_bits(memory[::-1], expected)


# Results


@every_dtype
def test_types_of_results(dtype):
    p, q = rows((3, 9), dtype=dtype), rows((3, 9), dtype=dtype, seed=1)
    for f in calls(p, q):
        elementwise = _kernels.MEASURES[f.measure] == "elementwise"
        expected = np.float64 if dtype == "float64" or not elementwise else np.float32
        assert (type(f()), f().dtype) == (np.ndarray, expected)
    for f in calls(p[0], q[0]):
        if _kernels.MEASURES[f.measure] != "elementwise":
            assert type(f()) is float
            assert f(keepdims=True).shape == (1,)
    assert type(kl_c.rel_entr(p[0, 0], q[0, 0])) is float
    assert kl_c.rel_entr(p, 1.0).dtype == np.float64  # a Python float is a float64
    codes = kl_c.check_rows(p)
    assert (type(codes), codes.dtype) == (np.ndarray, np.uint8)
    assert type(kl_c.check_rows(p[0])) is int


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (0, 5, 3)])
def test_zero_rows_give_an_empty_array(shape):
    empty = np.zeros(shape)
    for f in calls(empty, empty):
        expected = shape if _kernels.MEASURES[f.measure] == "elementwise" else shape[:-1]
        assert (f().shape, f().dtype) == (expected, np.float64)
        if takes(f.measure, "keepdims"):
            assert f(keepdims=True).shape == (*shape[:-1], 1)
    assert kl_c.kl_divergence(empty, np.ones(3) / 3).shape == shape[:-1]
    assert kl_c.check_rows(empty).shape == shape[:-1]


def test_elements_may_have_no_axes_or_no_elements():
    assert kl_c.rel_entr(4, 1, base=2) == 8
    assert kl_c.rel_entr([], []).shape == (0,)
    assert kl_c.rel_entr(np.zeros((3, 0)), np.zeros(())).shape == (3, 0)


# Inputs


INTEGERS = [np.dtype(kind + size) for kind in "iu" for size in "1248"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("form", ["counts", "logits"])
def test_integers_count_as_the_numbers_they_are(dtype, form):
    rng = np.random.default_rng(3)
    low = -5 if dtype.kind == "i" and form == "logits" else 0
    p, q = rng.integers(low, 9, (2, 4, 600)).astype(dtype)
    for f, wide in zip(calls(p, q, form), calls(p * 1.0, q * 1.0, form), strict=True):
        expected = wide()
        assert_bits(f(), expected, f.measure)
        assert_bits(f.on(lambda x: x.astype(dtype.newbyteorder()))(), expected, f.measure)
        assert_bits(f.on(lambda x: x[:, ::-1].copy()[:, ::-1])(), expected, f.measure)


def test_integers_at_the_ends_of_their_range():
    for dtype in INTEGERS:
        most = np.iinfo(dtype).max
        x = np.array([most, 0, most], dtype)
        assert kl_c.entropy(x, form="counts", base=2) == 1
        assert kl_c.kl_divergence(x, x, form="counts") == 0
        assert kl_c.rel_entr(x, x, form="counts").tolist() == [0, 0, 0]


def test_booleans_are_zero_and_one():
    p = np.array([[True, False, True], [False, True, False]])
    assert kl_c.entropy(p, form="counts", base=2).tolist() == [1, 0]
    assert kl_c.kl_divergence(p[1], p[1]) == 0


@every_measure
def test_lists_are_arrays(measure):
    p, q = rows((2, 3, 4)), rows((2, 3, 4), seed=1)
    expected = call(measure, p, q)
    lists = expected._replace(args=tuple(x.tolist() for x in expected.args))
    assert_bits(lists(), expected(), measure)
    assert_bits(expected.on(lambda x: tuple(map(list, x)))(), expected(), measure)


def test_subclasses_of_arrays_are_read_as_arrays():
    p, q = rows((3, 4)), rows((3, 4), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        p_matrix = np.matrix(p)
    for f, plain in zip(calls(p_matrix, q), calls(p, q), strict=True):
        assert type(f()) is np.ndarray
        assert_bits(f(), plain(), f.measure)


class Exposing:
    """Something that NumPy reads through its protocol."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x


def test_array_protocol():
    p, q = rows((3, 4)), rows((3, 4), seed=1)
    assert_bits(kl_c.kl_divergence(Exposing(p), Exposing(q)), kl_c.kl_divergence(p, q))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_any_integer_type(dtype):
    q = rows((4, 5))
    expected = kl_c.nll([0, 4, 2, 3], q)
    assert_bits(kl_c.nll(np.array([0, 4, 2, 3], dtype), q), expected)
    assert_bits(kl_c.nll(np.array([3, 2, 4, 0], dtype.newbyteorder())[::-1], q), expected)


def test_labels_broadcast_to_the_batch():
    q = rows((2, 3, 5))
    expected = kl_c.nll([[0, 1, 2]] * 2, q)
    assert_bits(kl_c.nll([0, 1, 2], q), expected)
    assert_bits(kl_c.nll([[0, 1, 2]], q), expected)
    assert_bits(kl_c.nll(np.array([[3], [4]]), q), kl_c.nll([[3] * 3, [4] * 3], q))
    assert_bits(kl_c.nll(2, q), kl_c.nll(np.full((2, 3), 2), q))
    assert type(kl_c.nll(2, q[0, 0])) is float


@every_dtype
def test_nll_is_the_cross_entropy_of_one_hot_rows(dtype):
    for form in ("counts", "log_probs", "logits"):
        q = rows((5, 5), form, dtype)
        labels = np.arange(5)
        expected = kl_c.cross_entropy(np.eye(5), q, form=("probs", form))
        scores = kl_c.nll(labels, q, form=form)
        for score, exact in zip(scores, expected, strict=True):
            limit = limits.error("nll", (dtype,), (form,), exact)
            limit += limits.error("cross_entropy", (dtype,), (form,), exact)
            assert score == exact or abs(score - exact) <= limit


# torch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="torch, which reads as NumPy does, is not installed")


TENSORS = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8")


@pytest.mark.parametrize("dtype", TENSORS)
def test_torch_tensors_are_read_in_place(torch, dtype):
    form = "counts"
    numbers = np.random.default_rng(5).integers(1, 9, (2, 4, 9)).astype(float)
    p, q = (torch.tensor(x).to(getattr(torch, dtype)) for x in numbers)
    arrays = numbers.astype(DTYPE.get(dtype, dtype))
    for view in (lambda x: x, lambda x: x[:, ::2], lambda x: x[1]):
        tensors = calls(view(p), view(q), form)
        for f, expected in zip(tensors, calls(*map(view, arrays), form), strict=True):
            assert_bits(f(), expected(), f.measure)
    transposed = kl_c.kl_divergence(p.T, arrays[1].T, form=form, axis=0)  # a tensor and an array
    assert_bits(transposed, kl_c.kl_divergence(p, q, form=form))
    assert kl_c.entropy(torch.zeros((0, 3)).to(p.dtype), form=form).shape == (0,)


def test_torch_labels(torch):
    q = rows((3, 4))
    assert_bits(kl_c.nll(torch.tensor([0, 2, 3]), q), kl_c.nll([0, 2, 3], q))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_torch_tensors_that_cannot_be_read(torch, dtype):
    good = torch.tensor([0.5, 0.5]).to(getattr(torch, dtype))
    elsewhere = torch.empty(2, device="meta")
    for bad, reason in (
        (good.clone().requires_grad_(), "requires grad"),
        (good.clone().requires_grad_() * 1, "requires grad"),
        (torch.nn.Parameter(good), "requires grad"),
        (elsewhere, "lives on meta"),
    ):
        for p, q, name in ((bad, good, "p"), (good, bad, "q")):
            message = f"{name} is a torch tensor that {reason}; pass {name}.detach().cpu()"
            with pytest.raises(TypeError) as caught:
                kl_c.kl_divergence(p, q)
            assert str(caught.value) == message


def test_torch_subclasses_are_tensors(torch):
    class Own(torch.Tensor):
        pass

    good = torch.tensor([0.5, 0.5])
    for x in (good, good.bfloat16()):
        assert kl_c.kl_divergence(x.as_subclass(Own), good) == 0
    with pytest.raises(TypeError, match=r"^p is a torch tensor that requires grad"):
        kl_c.kl_divergence(good.clone().requires_grad_().as_subclass(Own), good)


def test_torch_dtypes_that_are_no_real_numbers(torch):
    good = torch.tensor([0.5, 0.5])
    for bad in (good.to(torch.complex64), good.to(torch.float8_e5m2), good.to_sparse()):
        with pytest.raises(TypeError, match=r"^p "):
            kl_c.entropy(bad)
