"""Every measure of the compiled module, called alike: its arguments from one pair of arrays."""

import functools
import inspect
from typing import Any, NamedTuple

import numpy as np

import kl_c
import limits
import oracle
from kl_c import _kernels, reference
from rows_zoo import DTYPE

FORM_PAIRS = [(f, g) for f in _kernels.FORMS for g in _kernels.FORMS]
DTYPE_PAIRS = [(d, e) for d in _kernels.DTYPES for e in _kernels.DTYPES]


class Call(NamedTuple):
    measure: str
    args: tuple
    keywords: dict[str, Any]

    def __call__(self, **more):
        return getattr(kl_c, self.measure)(*self.args, **(self.keywords | more))

    def of_reference(self, **more):
        """(value, bound) of the textbook formula."""
        keywords = self.keywords | more
        return getattr(reference, self.measure)(*self.args, **keywords, bound=True)

    @property
    def arrays(self):
        return self.args[1:] if _kernels.MEASURES[self.measure] == "labels" else self.args

    def on(self, transform):
        """The same call on transformed arrays; labels stay."""
        labels = self.args[: len(self.args) - len(self.arrays)]
        return self._replace(args=(*labels, *map(transform, self.arrays)))


def orders(measure):
    return {"alpha": oracle.ORDER} if takes(measure, "alpha") else {}


def function_of(measure, module=kl_c):
    """The function, its order chosen where it has one."""
    return functools.partial(getattr(module, measure), **orders(measure))


def takes(measure, keyword):
    return keyword in inspect.signature(getattr(kl_c, measure)).parameters


def taking(*keywords):
    return [m for m in _kernels.MEASURES if all(takes(m, keyword) for keyword in keywords)]


def call(measure, p, q, form="probs", axis=-1):
    """One measure on arrays with outcomes on ``axis``; the label is always the last outcome."""
    forms = (form, form) if isinstance(form, str) else tuple(form)
    kind = _kernels.MEASURES[measure]
    placed: dict[str, Any] = {} if axis == -1 or kind == "elementwise" else {"axis": axis}
    placed |= orders(measure)
    if kind == "single":
        return Call(measure, (p,), {"form": forms[0], **placed})
    if kind == "labels":
        labels = np.full(np.delete(q.shape, axis), q.shape[axis] - 1)
        return Call(measure, (labels, q), {"form": forms[1], **placed})
    return Call(measure, (p, q), {"form": forms if forms[0] != forms[1] else forms[0], **placed})


def calls(p, q, form="probs", axis=-1, measures=None):
    """Every measure that the form has; logits have no elementwise ones."""
    for measure in measures or _kernels.MEASURES:
        if _kernels.MEASURES[measure] != "elementwise" or "logits" not in np.ravel(form):
            yield call(measure, p, q, form, axis)


def rows(shape, form="probs", dtype="float64", seed=0):
    """Random distributions on the last axis, some outcomes missing, in a form and dtype."""
    rng = np.random.default_rng([seed, len(shape), shape[-1]])
    weights = rng.uniform(0.05, 1, shape)
    weights[..., 1::4] = 0
    return given_as(weights / weights.sum(-1, keepdims=True), form, dtype)


def given_as(probs, form, dtype="float64"):
    """Distributions in a form; counts and logits are not of mass 1."""
    with np.errstate(divide="ignore"):
        x = {
            "probs": lambda: probs,
            "counts": lambda: probs * 40,
            "log_probs": lambda: np.log(probs),
            "logits": lambda: np.log(probs) + 3,
        }[form]()
    return x.astype(DTYPE[dtype])


def assert_close_to_reference(called, dtypes, forms, **more):
    """Every score within the limit of its measure and the reference's own bound."""
    scores = np.atleast_1d(called(**more))
    values, bounds = (np.atleast_1d(x) for x in called.of_reference(**more))
    assert scores.shape == values.shape
    for score, value, bound in zip(scores.flat, values.flat, bounds.flat, strict=True):
        limit = bound + limits.error(called.measure, dtypes, forms, value)
        assert score == value or abs(score - value) <= limit, (called.measure, score, value)
