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

ORDER = 0.7  # of measures that have one, where some value will do

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

    def jeffreys_divergence(self, eps=None):
        eps_p = mpf(DEFAULT_EPS[self.forms[0]] if eps is None else eps)
        log_q, log_p = self._floored(eps), _floored(self.p, self.q, eps_p)
        there = self._expected([x for _, x in self.p], log_q, self.p)
        back = self._expected([x for _, x in self.q], log_p, self.q)
        return _resolved(there) + _resolved(back)  # a floor may make one of them negative

    def total_variation(self):
        return self._over(lambda p, q: abs(p - q)) / 2

    def hellinger_distance(self):
        return context.sqrt(self._over(lambda p, q: (context.sqrt(p) - context.sqrt(q)) ** 2) / 2)

    def bhattacharyya_distance(self):
        return -context.log(self._over(lambda p, q: context.sqrt(p * q)))

    def chi2_divergence(self):
        return self._over(lambda p, q: (p - q) ** 2 / q if q else (context.inf if p else mpf(0)))

    def renyi_divergence(self, alpha=ORDER):
        if alpha == 1:
            return self.kl_divergence(0)
        if alpha == context.inf:
            pairs = zip(self.p, self.q, strict=True)
            return max(log_p - log_q for (p, log_p), (_, log_q) in pairs if p)
        return context.log(self._power_sum(alpha)) / (mpf(alpha) - 1)

    def tsallis_divergence(self, alpha=ORDER):
        if alpha == 1:
            return self.kl_divergence(0)
        return (self._power_sum(alpha) - 1) / (mpf(alpha) - 1)

    def alpha_divergence(self, alpha=ORDER):
        if alpha == 0:
            return _resolved(self._expected([x for _, x in self.q], [x for _, x in self.p], self.q))
        return self.tsallis_divergence(alpha) / mpf(alpha)

    def perplexity(self):
        return context.exp(self.entropy())

    def renyi_entropy(self, alpha=ORDER):
        if alpha == 1:
            return self.entropy()
        if alpha == context.inf:
            return -max(log_p for _, log_p in self.p)
        return context.log1p(self._powers_less_1(alpha)) / (1 - mpf(alpha))

    def tsallis_entropy(self, alpha=ORDER):
        return self.entropy() if alpha == 1 else self._powers_less_1(alpha) / (1 - mpf(alpha))

    def _over(self, term):
        pairs = zip(self.p, self.q, strict=True)
        return self._sum(term(p, q) for (p, _), (q, _) in pairs)

    def _power_sum(self, alpha):
        """sum p**alpha q**(1 - alpha), where 0 times infinity and 0**0 are 0."""
        a = mpf(alpha)

        def term(p, q):
            if p == 0 or q == 0:
                return context.inf if (q and a < 0) or (p and a > 1) else mpf(0)
            return p**a * q ** (1 - a)

        return self._over(term)

    def _powers_less_1(self, alpha):
        """sum p**alpha - p, term by term: beside 1 what is left of an outcome of 1e-400 is lost."""
        return self._sum(p ** mpf(alpha) - p if p else mpf(0) for p, _ in self.p)

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
