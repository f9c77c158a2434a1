"""The exact value of every measure, by 50-digit arithmetic on the exact inputs.

``Exact`` takes one pair of rows and has one method per measure, of the same name. Equal pairs of
outcomes are computed once and counted, so rows that repeat values may be long. The formulas are
written for these tests and share nothing with ``kl_c.reference``.
"""

import functools

import mpmath
import numpy as np

context = mpmath.mp.clone()
context.dps = 100  # answers of 50 digits and more, also where 1 - 1e-40 cancels
mpf = context.mpf

# Sums of terms of order 1 hold 100 digits; rows of float64 that differ score far above this.
NOISE = mpf("1e-90")

DEFAULT_EPS = {"probs": 2.0**-126, "counts": 2.0**-126, "log_probs": 0, "logits": 0}


def forms_of(form):
    return (form, form) if isinstance(form, str) else tuple(form)


class Exact:
    """The pair of distributions that the rows ``p`` and ``q`` stand for."""

    def __init__(self, p, q, form="probs", temperature=1):
        self.forms = forms_of(form)
        pairs = np.stack([np.asarray(x).astype(np.float64) for x in (p, q)], axis=1)
        distinct, self.place, self.count = np.unique(
            pairs, axis=0, return_inverse=True, return_counts=True
        )
        self.place = self.place.ravel()
        self.count = self.count.tolist()
        columns = [[mpf(x) for x in column] for column in distinct.T.tolist()]
        self.given_p, self.given_q = (
            list(map(_as_given, column, [f] * len(column)))
            for column, f in zip(columns, self.forms, strict=True)
        )
        self.p, self.q = (
            self._normalised(column, f, temperature)
            for column, f in zip(columns, self.forms, strict=True)
        )

    def _normalised(self, column, form, temperature):
        if form in ("log_probs", "logits"):
            t = mpf(temperature) if form == "logits" else mpf(1)
            top = max(column)
            column = [(x - top) / t for x in column]
        outcomes = [_as_given(x, form) for x in column]
        mass = self._sum(p for p, _ in outcomes)
        log_mass = context.log(mass)
        return [(p / mass, log_p - log_mass) for p, log_p in outcomes]

    def _sum(self, terms):
        return context.fsum(c * x for c, x in zip(self.count, terms, strict=True))

    def _expected(self, logs_p, logs_q, outcomes):
        """E[log_p - log_q] over the outcomes that have a probability."""
        terms = [
            mpf(0) if p == 0 else p * (log_p - log_q)
            for (p, _), log_p, log_q in zip(outcomes, logs_p, logs_q, strict=True)
        ]
        return self._sum(terms)

    def _floored(self, eps):
        return _floored(self.q, self.p, self._eps(eps))

    def _eps(self, eps):
        return mpf(DEFAULT_EPS[self.forms[1]] if eps is None else eps)

    def kl_divergence(self, eps=None):
        return _resolved(self._expected([x for _, x in self.p], self._floored(eps), self.p))

    def cross_entropy(self, eps=None):
        return self._expected([mpf(0)] * len(self.p), self._floored(eps), self.p)

    def entropy(self):
        return self._expected([mpf(0)] * len(self.p), [x for _, x in self.p], self.p)

    # js_distance asks again; the cache is small, so that rows are let go
    @functools.lru_cache(maxsize=8)  # noqa: B019
    def js_divergence(self, weight=0.5):
        w = mpf(weight)
        mixture = [w * p + (1 - w) * q for (p, _), (q, _) in zip(self.p, self.q, strict=True)]
        log_m = [context.log(m) for m in mixture]
        parts = ((w, self.p), (1 - w, self.q))
        return _resolved(
            context.fsum(
                share * self._expected([x for _, x in row], log_m, row)
                for share, row in parts
                if share
            )
        )

    def js_distance(self, weight=0.5):
        return context.sqrt(self.js_divergence(weight))

    def nll(self, label, eps=None):
        """The score of q alone; ``probs`` are taken as they stand."""
        row = self.given_q if self.forms[1] == "probs" else self.q
        log_q = _floored([row[self.place[label]]], [(mpf(1), mpf(0))], self._eps(eps))[0]
        return max(mpf(0), -log_q)

    def rel_entr(self, eps=None):
        """One term per outcome, in the order of the rows."""
        log_q = _floored(self.given_q, self.given_p, self._eps(eps))
        terms = [
            mpf(0) if p == 0 else p * (log_p - x)
            for (p, log_p), x in zip(self.given_p, log_q, strict=True)
        ]
        return [terms[i] for i in self.place]


def _resolved(divergence):
    """A divergence clamped at 0, and 0 where only the last of the 50 digits are left."""
    return divergence if divergence > NOISE else mpf(0)


def _as_given(x, form):
    """One outcome's probability and its logarithm, not normalised."""
    return (context.exp(x), x) if form in ("log_probs", "logits") else (x, context.log(x))


def _floored(q, p, eps):
    """log max(q, min(p, eps)) for every outcome."""
    log_eps = context.log(eps)
    return [max(log_q, min(log_p, log_eps)) for (_, log_q), (_, log_p) in zip(q, p, strict=True)]


def split(exact):
    """An exact value as the sum of two floats, the second below the last place of the first."""
    high = float(exact)
    return high, float(exact - high) if np.isfinite(high) else 0.0
