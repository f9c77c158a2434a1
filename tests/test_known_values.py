"""Published worked examples and hard cases: ``cases/known_values.json``."""

import json
from pathlib import Path

import numpy as np
import pytest

import kl_c
import limits
from every_measure import takes

CASES = json.loads((Path(__file__).parent / "cases" / "known_values.json").read_text())

RENAMED = {
    "jensen_shannon": "js_divergence",
    "jensen_shannon_distance": "js_distance",
    "kl_from_logits": "kl_divergence",
    "symmetric_kl": "jeffreys_divergence",
    "cross_entropy_from_logits": "cross_entropy",
}
LOGIT_FORMS = {"kl_from_logits": "logits", "cross_entropy_from_logits": ("probs", "logits")}

# Functions of the collection that kl_c does not have; a case of any other name must run.
OTHER_FUNCTIONS = {
    "kl_bernoulli",
    "kl_div_elementwise",
    "kl_gaussian",
    "kl_gaussian_mv",
    "kl_poisson",
    "log_loss",
    "logsumexp",
    "generalized_kl",
}


def call(function, args):
    """The value of one case, computed by kl_c."""
    args = dict(args)
    dtype = args.pop("dtype", "float64")
    keywords = {key: args.pop(key) for key in ("axis", "base") if key in args}
    normalize = args.pop("normalize", None)
    weights = args.pop("weights", None)
    if "alpha" in args:
        keywords["alpha"] = float(args.pop("alpha"))
    rows = [np.array(x, dtype=float).astype(dtype) for x in args.values()]
    measure = getattr(kl_c, RENAMED.get(function, function))
    if function == "rel_entr":
        return measure(*rows, eps=0, invalid="ignore")
    if weights:
        keywords["weight"] = weights[0]
    elif takes(RENAMED.get(function, function), "eps"):
        keywords["eps"] = 0
    if any(np.isnan(row).any() for row in rows):
        keywords["invalid"] = "ignore"
    elif normalize is False:
        # Rows that do not sum to 1: the plain sum of the terms.
        return float(np.sum(kl_c.rel_entr(*rows, eps=0)))
    form = LOGIT_FORMS.get(function, "counts" if normalize else "probs")
    return measure(*rows, form=form, **keywords)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["function"] not in OTHER_FUNCTIONS], ids=lambda case: case["id"]
)
def test_known_value(case):
    expected = np.array(case["expected"], dtype=float)
    dtype = case["args"].get("dtype", "float64")
    floor = limits.NARROWER if dtype == "float32" else limits.FLOAT64
    rtol = case["rtol"] and max(case["rtol"], floor)
    np.testing.assert_allclose(call(case["function"], case["args"]), expected, rtol=rtol, atol=0)


def test_the_other_functions_are_really_absent():
    named = {case["function"] for case in CASES}
    assert OTHER_FUNCTIONS <= named
    assert [name for name in OTHER_FUNCTIONS if hasattr(kl_c, name)] == []
