"""Bad arguments: the type and the exact words of every error that is not about a row."""

import math
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import kl_c
from every_measure import call, calls, function_of, taking
from kl_c import _kernels

P = np.array([0.5, 0.5])
Q = np.array([0.25, 0.75])
THREE = np.array([0.25, 0.25, 0.5])

every_measure = pytest.mark.parametrize("measure", _kernels.MEASURES)
every_row_measure = pytest.mark.parametrize("measure", taking("axis"))
FORMS = "'probs', 'counts', 'log_probs', 'logits'"


def assert_refused(error, message, f, *args, **keywords):
    with pytest.raises(error) as caught:
        f(*args, **keywords)
    assert (type(caught.value), str(caught.value)) == (error, message)


# Arrays.


@every_row_measure
def test_zero_dimensions(measure):
    name = "q" if measure == "nll" else "p"
    arguments = call(measure, P, Q).args[:-1]
    scalar = np.array(0.5)
    args = (*arguments, scalar) if measure == "nll" else [scalar] * (len(arguments) + 1)
    message = f"{name} is 0-D; a row of outcomes is needed"
    assert_refused(ValueError, message, function_of(measure), *args)


def test_zero_dimensions_of_q():
    message = "q is 0-D; a row of outcomes is needed"
    assert_refused(ValueError, message, kl_c.kl_divergence, P, 1.0)


@every_row_measure
@pytest.mark.parametrize("shape", [(3, 0), (0, 0), (0,)])
def test_no_outcomes(measure, shape):
    empty = np.zeros(shape)
    name = "q" if measure == "nll" else "p"
    labels = np.zeros(shape[:-1], int)
    args = (labels, empty) if measure == "nll" else call(measure, empty, empty).args
    message = f"{name} has 0 outcomes on axis -1, its shape is {shape}"
    assert_refused(ValueError, message, function_of(measure), *args)


@pytest.mark.parametrize("measure", [m for m, k in _kernels.MEASURES.items() if k == "pair"])
def test_shape_mismatch(measure):
    f = function_of(measure)
    message = "p and q must have the same number of outcomes on axis -1, got 2 and 3"
    assert_refused(ValueError, message, f, P, THREE)
    message = "p and q must have the same number of outcomes on axis 0, got 3 and 2"
    assert_refused(ValueError, message, f, np.ones((3, 2)), np.ones((2, 2)), axis=0)
    # The outcome axis never broadcasts.
    message = "p and q must have the same number of outcomes on axis -1, got 1 and 2"
    assert_refused(ValueError, message, f, [1.0], P)
    message = "the batch axes of p and q (2,) and (3,) do not broadcast"
    assert_refused(ValueError, message, f, [P] * 2, [P] * 3)


def test_elements_that_do_not_broadcast():
    message = "p and q of shapes (2,) and (3,) do not broadcast"
    assert_refused(ValueError, message, kl_c.rel_entr, P, THREE)


@every_row_measure
@pytest.mark.parametrize("axis", [2, -3, 2**40, -(2**70)])
def test_axis_out_of_bounds(measure, axis):
    wide = np.array([P, Q])
    name = "q" if measure == "nll" else "p"
    message = f"axis {axis} is out of bounds for {name} of shape (2, 2)"
    assert_refused(ValueError, message, call(measure, wide, wide), axis=axis)


def test_axis_out_of_bounds_for_q_alone():
    message = "axis 1 is out of bounds for q of shape (2,)"
    assert_refused(ValueError, message, kl_c.kl_divergence, [P, P], P, axis=1)


@every_row_measure
@pytest.mark.parametrize("axis", [True, np.True_, 0.0, None, "0", (0,)])
def test_axis_of_the_wrong_type(measure, axis):
    message = f"axis must be an integer, got {type(axis).__name__}"
    assert_refused(TypeError, message, call(measure, P, Q), axis=axis)


WRONG_DTYPES = {
    "complex128": P.astype(complex),
    "object": P.astype(object),
    "<U4": np.array(["0.5", "0.25"]).astype("<U4"),
    "|S3": np.array([b"0.5", b"0.5"]),
    "datetime64[D]": np.array(["2024-01-01"], "M8[D]"),
    "timedelta64[s]": np.array([1, 2], "m8[s]"),
    "[('a', '<f8')]": np.zeros(2, [("a", "<f8")]),
    "float8_e5m2": P.astype(ml_dtypes.float8_e5m2),
    "int4": np.ones(2).astype(ml_dtypes.int4),
}
if np.dtype(np.longdouble) != np.dtype(np.float64):  # where the platform tells them apart
    WRONG_DTYPES[str(np.dtype(np.longdouble))] = P.astype(np.longdouble)


@every_measure
@pytest.mark.parametrize("dtype", WRONG_DTYPES)
def test_dtypes_that_are_no_real_numbers(measure, dtype):
    wrong, message = WRONG_DTYPES[dtype], f"has dtype {dtype}; expected a real number type"
    good = np.full(wrong.shape, 0.5)
    if measure != "nll":
        assert_refused(TypeError, f"p {message}", call(measure, wrong, good))
    if _kernels.MEASURES[measure] != "single":
        assert_refused(TypeError, f"q {message}", call(measure, good, wrong))


@pytest.mark.parametrize("value", [None, {1: 2}, (x for x in P)])
def test_objects_that_are_no_arrays(value):
    message = "p has dtype object; expected a real number type"
    assert_refused(TypeError, message, kl_c.entropy, value)


def test_ragged_lists():
    with pytest.raises(ValueError, match="inhomogeneous"):
        kl_c.entropy([[0.5, 0.5], [1.0]])


class OwnMaskedArray(np.ma.MaskedArray):
    pass


@pytest.mark.parametrize("kind", [np.ma.MaskedArray, OwnMaskedArray])
@pytest.mark.parametrize("mask", [False, [False, True]])
@every_measure
def test_masked_arrays(measure, kind, mask):
    def message(name):
        return (
            f"{name} is a masked array, whose mask would be ignored; "
            f"pass {name}.filled(0) or leave the masked rows out"
        )

    masked = kind(P, mask=mask)
    if measure != "nll":
        assert_refused(TypeError, message("p"), call(measure, masked, P))
    if _kernels.MEASURES[measure] != "single":
        assert_refused(TypeError, message("q"), call(measure, P, masked))


def test_masked_labels():
    labels = np.ma.array([0, 1], mask=[False, True])
    with pytest.raises(TypeError, match=r"^labels .*mask"):
        kl_c.nll(labels, [P, P])


# Keywords.


@every_measure
@pytest.mark.parametrize("form", ["prob", "PROBS", None, 1, b"probs", {}, np.array(["probs"] * 2)])
def test_unknown_form(measure, form):
    message = f"form must be one of {FORMS}, got {form!r}"
    assert_refused(ValueError, message, call(measure, P, Q), form=form)


@pytest.mark.parametrize("form", [(), ("probs",), ("probs", "probs", "probs")])
def test_form_pairs_of_the_wrong_length(form):
    message = f"form must be one of {FORMS} or a pair, got {form!r}"
    assert_refused(ValueError, message, kl_c.kl_divergence, P, Q, form=form)


def test_unknown_form_in_a_pair():
    message = f"form must be one of {FORMS}, got 'logit'"
    assert_refused(ValueError, message, kl_c.kl_divergence, P, Q, form=("probs", "logit"))


def test_one_array_takes_one_form():
    pair = ("probs", "probs")
    message = f"form must be one of {FORMS}, got {pair!r}"
    for f, args in ((kl_c.entropy, (P,)), (kl_c.nll, (0, P)), (kl_c.check_rows, (P,))):
        assert_refused(ValueError, message, f, *args, form=pair)


@pytest.mark.parametrize("form", ["logits", ("logits", "probs"), ("probs", "logits")])
def test_logits_mean_nothing_element_by_element(form):
    message = (
        "rel_entr works element by element, and logits mean nothing without their row; "
        "pass log-softmax values as form='log_probs'"
    )
    assert_refused(ValueError, message, kl_c.rel_entr, P, Q, form=form)


# name: (measures that take it, keywords beside it, values out of range, the rule).
NUMBERS = {
    "base": ({}, [0, 1, 1.0, True, -2, math.nan, math.inf], "be a positive number other than 1"),
    "eps": ({}, [-1e-300, -1, 1.0000001, math.nan, math.inf, -math.inf], "lie between 0 and 1"),
    "temperature": (
        {"form": "logits"},
        [0, -0.0, -1, math.nan, math.inf],
        "be a positive finite number",
    ),
    "weight": ({}, [-0.1, 1.1, math.nan, math.inf], "lie between 0 and 1"),
}
EVERY_NUMBER = [(name, measure) for name in NUMBERS for measure in taking(name)]


@pytest.mark.parametrize(("name", "measure"), EVERY_NUMBER)
def test_numbers_out_of_range(name, measure):
    others, values, rule = NUMBERS[name]
    for value in values:
        message = f"{name} must {rule}, got {value!r}"
        assert_refused(ValueError, message, call(measure, P, Q), **{name: value}, **others)


@pytest.mark.parametrize(("name", "measure"), EVERY_NUMBER)
@pytest.mark.parametrize("value", ["2", b"2", 1j, [2.0], np.array([2.0])])
def test_numbers_of_the_wrong_type(name, measure, value):
    others = NUMBERS[name][0]
    message = f"{name} must be a real number, got {type(value).__name__}"
    assert_refused(TypeError, message, call(measure, P, Q), **{name: value}, **others)


@pytest.mark.parametrize(("name", "measure"), EVERY_NUMBER)
def test_integers_beyond_the_floats_are_out_of_range(name, measure):
    others, _, rule = NUMBERS[name]
    for value in (10**400, -(10**400)):
        message = f"{name} must {rule}, got {value!r}"
        assert_refused(ValueError, message, call(measure, P, Q), **{name: value}, **others)


@pytest.mark.parametrize("measure", taking("temperature"))
@pytest.mark.parametrize("form", [form for form in _kernels.FORMS if form != "logits"])
def test_temperature_without_logits(measure, form):
    message = "temperature is for form='logits', got temperature=2 without logits"
    assert_refused(ValueError, message, call(measure, P, Q, form), temperature=2)


@every_measure
@pytest.mark.parametrize("invalid", ["warn", "RAISE", None, True, ["nan"]])
def test_unknown_treatment_of_invalid_rows(measure, invalid):
    message = f"invalid must be one of 'raise', 'nan', 'ignore', got {invalid!r}"
    assert_refused(ValueError, message, call(measure, P, Q), invalid=invalid)


@pytest.mark.parametrize("target", [*_kernels.MEASURES, "set_workers"])
def test_workers(target):
    def f(workers):
        if target == "set_workers":
            return kl_c.set_workers(workers)
        return call(target, P, Q)(workers=workers)

    for workers in (0, -2, np.int64(0), -(2**70)):
        message = f"workers must be at least 1, or -1 for all, got {workers!r}"
        assert_refused(ValueError, message, f, workers)
    for workers in (1.0, "2", True, np.True_, (1,)):
        message = f"workers must be an integer or None, got {type(workers).__name__}"
        assert_refused(TypeError, message, f, workers)


@every_measure
def test_out_of_the_wrong_kind(measure):
    f = call(measure, P, Q)
    shape = np.shape(f())
    for out in ([], 1.0, "out"):
        message = f"out must be a NumPy array, got {type(out).__name__}"
        assert_refused(TypeError, message, f, out=out)
    for dtype in (np.float16, np.int64, bool, complex, object, np.dtype(float).newbyteorder()):
        message = f"out has dtype {np.dtype(dtype)}; expected float64 or float32"
        assert_refused(TypeError, message, f, out=np.zeros(shape, dtype))
    for wrong in ((*shape, 1), (1, *shape), (7,)):
        message = f"out has shape {wrong}; the result has shape {shape}"
        assert_refused(ValueError, message, f, out=np.zeros(wrong))
    read_only = np.zeros(shape)
    read_only.flags.writeable = False
    assert_refused(ValueError, "out is read-only", f, out=read_only)


@pytest.mark.parametrize("measure", taking("keepdims"))
def test_out_has_the_kept_axis(measure):
    f = call(measure, P, Q)
    message = "out has shape (); the result has shape (1,)"
    assert_refused(ValueError, message, f, keepdims=True, out=np.empty(()))


def test_each_measure_takes_only_the_keywords_that_act():
    for f in calls(P, Q):
        for keyword, value in {"eps": 0, "weight": 0.5, "axis": -1, "unknown": None}.items():
            if f.measure not in taking(keyword):
                with pytest.raises(TypeError, match=f"unexpected keyword argument '{keyword}'"):
                    f(**{keyword: value})


# Labels.


@pytest.mark.parametrize("labels", [[0.0], [True], ["0"], np.zeros(1, object)])
def test_labels_of_the_wrong_dtype(labels):
    message = f"labels have dtype {np.asarray(labels).dtype}; expected an integer type"
    assert_refused(TypeError, message, kl_c.nll, labels, [P])


def test_missing_labels():
    assert_refused(TypeError, "labels must be integers, got None", kl_c.nll, None, [P])


@pytest.mark.parametrize(("labels", "shape"), [([0, 1, 1], (3,)), ([[0], [1]], (2, 1))])
def test_labels_of_the_wrong_shape(labels, shape):
    message = f"labels of shape {shape} do not broadcast to the batch shape (2,) of q"
    assert_refused(ValueError, message, kl_c.nll, labels, [P, P])


@pytest.mark.parametrize("index", [1.0, True, "0", [0]])
def test_ignore_index_of_the_wrong_type(index):
    message = f"ignore_index must be an integer or None, got {type(index).__name__}"
    assert_refused(TypeError, message, kl_c.nll, [0], [P], ignore_index=index)


# The backend, chosen at import.


def imported(**environment):
    return subprocess.run(
        [sys.executable, "-c", "import kl_c; print(kl_c.show_config()['backend'])"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("backend", _kernels.BACKENDS)
def test_forced_backend(backend):
    done = imported(KL_C_BACKEND=backend)
    assert (done.stdout, done.stderr) == (f"{backend}\n", "")


def test_empty_backend_is_no_choice():
    assert imported(KL_C_BACKEND="").stdout == f"{_kernels.BACKENDS[-1]}\n"


@pytest.mark.parametrize("backend", ["avx9", "SCALAR", "scalar ", "0"])
def test_unknown_backend(backend):
    done = imported(KL_C_BACKEND=backend)
    assert done.returncode != 0
    assert done.stdout == ""
    expected = f"KL_C_BACKEND={backend}: this build and CPU have {', '.join(_kernels.BACKENDS)}"
    assert done.stderr.splitlines()[-1] == f"ImportError: {expected}"
