"""Every measure, form, dtype and backend against 50-digit arithmetic, within the table of limits.

The worst cases found are printed; with KL_C_ACCURACY_JSON=FILE they are also written there.
"""

import json
import os

import numpy as np
import pytest

import accuracy_cases
import forced_backend
import limits
import rows_zoo
from kl_c import _kernels, reference


@pytest.fixture(scope="module")
def widths():
    return [forced_backend.run(backend, [])[1] for backend in _kernels.BACKENDS]


@pytest.fixture(scope="module")
def worst():
    """(measure, form, dtype, backend, whether the limit is plain) -> the case closest to it."""
    found = {}
    yield found
    rows = sorted(found.values(), key=lambda row: -row["share of limit"])
    for row in rows[:10]:
        print("\n" + ", ".join(f"{key}: {value}" for key, value in row.items()), end="")
    if path := os.environ.get("KL_C_ACCURACY_JSON"):
        with open(path, "w") as file:
            json.dump(rows, file, indent=1)


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_within_the_limits(dtype, widths, worst):
    cases = list(accuracy_cases.cases(dtype, widths))
    assert {(case.measure, case.form) for case in cases} == {
        (measure, form)
        for measure, kind in _kernels.MEASURES.items()
        for form in _kernels.FORMS
        if (kind, form) != ("elementwise", "logits")
    }
    asked = [(case.measure, case.args, case.kwargs) for case in cases]
    beyond = []
    for backend in _kernels.BACKENDS:
        results, _ = forced_backend.run(backend, asked)
        for case, result in zip(cases, results, strict=True):
            row = compare(case, result, backend)
            key = case.measure, case.form, dtype, backend, row["plain"]
            if key not in worst or row["share of limit"] > worst[key]["share of limit"]:
                worst[key] = row
            if row["share of limit"] > 1:
                beyond.append(row)
    beyond.sort(key=lambda row: -row["share of limit"])
    assert not beyond, f"{len(beyond)} of {len(cases)} results, the worst: {beyond[:5]}"


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_long_rows_agree_with_the_reference(dtype):
    """131072 different outcomes, where 50 digits take too long, within both errors."""
    asked, checks = [], []
    pairs = rows_zoo.families(accuracy_cases.LONGEST)
    for form in _kernels.FORMS:
        for family in ("Zipf, reversed", "softmax N(0, 4)", "Dirichlet(0.1)"):
            p, q = (rows_zoo.in_form(x, form, dtype) for x in pairs[family])
            for measure, kind in _kernels.MEASURES.items():
                for args, kwargs, _ in accuracy_cases.calls(measure, kind, p, q, form):
                    asked.append((measure, args, kwargs))
                    checks.append(
                        (family, getattr(reference, measure)(*args, **kwargs, bound=True))
                    )
    for backend in _kernels.BACKENDS:
        results, _ = forced_backend.run(backend, asked)
        for (measure, _, kwargs), (family, (value, bound)), result in zip(
            asked, checks, results, strict=True
        ):
            value, result = np.ravel(value), np.ravel(result).astype(np.float64)
            allowed = [limits.error(measure, (dtype,), (kwargs["form"],), x) for x in value]
            same = result == value  # infinite ones also
            off = np.abs(np.where(same, 0, result) - np.where(same, 0, value))
            within = off <= allowed + np.ravel(bound)
            asked_for = f"{backend}: {measure} of {family}, {kwargs}: {result}, expected {value}"
            assert (within | (result == value)).all(), asked_for  # the latter for infinities


@pytest.mark.parametrize("outcomes", [2, 3, 8])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_that_rest_on_one_outcome(dtype, outcomes):
    """Where no other outcome makes up for the error of a single term, whatever its log-ratio."""
    asked, checks = [], []
    for form in _kernels.FORMS:
        p, q = rows_zoo.few_outcomes(outcomes, form, dtype)
        for measure in ("kl_divergence", "js_divergence", "cross_entropy"):
            asked.append((measure, (p, q), {"form": form}))
            checks.append(getattr(reference, measure)(p, q, form=form, bound=True))
    for backend in _kernels.BACKENDS:
        results, _ = forced_backend.run(backend, asked)
        for (measure, _, keywords), (value, bound), result in zip(
            asked, checks, results, strict=True
        ):
            allowed = [limits.error(measure, (dtype,), (keywords["form"],), x) for x in value]
            share = np.abs(result - value) / (np.array(allowed) + bound)
            worst = int(np.argmax(share))
            assert share[worst] <= 1, (backend, measure, keywords, result[worst], value[worst])


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_counts_that_a_sample_misjudges(dtype):
    """Exact all the same, and along axis 0 the same bits."""
    pairs = rows_zoo.misleading_counts(dtype)
    together = [np.stack(rows, axis=1) for rows in zip(*pairs.values(), strict=True)]
    asked, expected = [], []
    for measure in ("kl_divergence", "cross_entropy", "entropy", "js_divergence"):
        sides = 1 if measure == "entropy" else 2
        for pair in pairs.values():
            asked.append((measure, tuple(pair[:sides]), {"form": "counts"}))
        asked.append((measure, tuple(together[:sides]), {"form": "counts", "axis": 0}))
        expected.append(getattr(reference, measure)(*asked[-1][1], **asked[-1][2], bound=True))
    for backend in _kernels.BACKENDS:
        results = iter(forced_backend.run(backend, asked)[0])
        for (measure, _, _), (values, bounds) in zip(
            asked[len(pairs) :: len(pairs) + 1], expected, strict=True
        ):
            alone = np.ravel([next(results) for _ in pairs])
            assert next(results).tolist() == alone.tolist(), (backend, measure)
            for name, score, value, bound in zip(pairs, alone, values, bounds, strict=True):
                allowed = limits.error(measure, (dtype,), ("counts",), float(value)) + bound
                assert score == value or abs(score - value) <= allowed, (
                    f"{backend}: {measure}, {name}: {score}, expected {value}"
                )


def compare(case, result, backend):
    """The row of the accuracy report for one call: its element furthest from the exact value."""
    values = np.ravel(result).astype(np.float64).tolist()
    found = []
    for value, (high, low) in zip(values, case.exact, strict=True):
        limit = limits.error(case.measure, (case.dtype,), (case.form,), high)
        error = 0.0 if value == high else abs(value - high - low)
        # NaN, an infinity too few or too many, and anything but an exact 0 where that is asked
        wrong = not np.isfinite(error) or (limit == 0 and error > 0)
        share = np.inf if wrong else error and error / limit
        plain = limits.is_plain(case.measure, (case.dtype,), (case.form,), high)
        found.append((share, error, value, high, plain))
    share, error, value, exact, plain = max(found)
    return {
        "measure": case.measure,
        "form": case.form,
        "dtype": case.dtype,
        "backend": backend,
        "family": case.family,
        "keywords": {k: v for k, v in case.kwargs.items() if k != "form"},
        "value": repr(value),
        "exact": repr(exact),
        "relative error": error / abs(exact) if exact and error else error,
        "share of limit": share,
        "plain": plain,
    }
