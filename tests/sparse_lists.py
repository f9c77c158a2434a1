"""Lists of likeliest outcomes, and by brute force what they may stand for, for small vocabularies.

Nothing here is shared with the library: a side is a dict of id to probability, its completions are
searched, and the measures are sums by 50-digit arithmetic or, in searches, by NumPy.
"""

import itertools

import mpmath
import numpy as np

context = mpmath.mp.clone()
context.dps = 50
mpf = context.mpf


def top(row, k, rng=None):
    """The k likeliest outcomes of a row of probabilities as (ids, log_probs), in any order."""
    ids = np.argsort(-row, kind="stable")[:k]
    if rng is not None:
        rng.shuffle(ids)
    return ids, np.log(row[ids])


def tops(rows, k, rng=None):
    """The same of many rows, as the library takes them."""
    lists = [top(row, k, rng) for row in rows]
    return np.array([ids for ids, _ in lists]), np.array([logs for _, logs in lists])


class Measures:
    """Exact values for two dicts of id to probability over the same ids."""

    def __init__(self, p, q):
        self.pairs = [(mpf(p[i]), mpf(q[i])) for i in p]

    def kl(self):
        return context.fsum(_term(p, q) for p, q in self.pairs)

    def reverse_kl(self):
        return context.fsum(_term(q, p) for p, q in self.pairs)

    def js(self):
        terms = (_term(x, (p + q) / 2) for p, q in self.pairs for x in (p, q))
        return context.fsum(terms) / 2

    def total_variation(self):
        return context.fsum(abs(p - q) for p, q in self.pairs) / 2

    def entropy_p(self):
        return -context.fsum(_term(p, 1) for p, _ in self.pairs)

    def entropy_q(self):
        return -context.fsum(_term(q, 1) for _, q in self.pairs)

    def cross_entropy(self):
        return self.kl() + self.entropy_p()


def _term(p, q):
    if p == 0:
        return mpf(0)
    return p * context.log(p / q) if q else context.inf


def exact_list(ids, logs):
    """id -> probability, and what is left to 1."""
    listed = {int(i): context.exp(mpf(float(x))) for i, x in zip(ids, logs, strict=True)}
    return listed, 1 - context.fsum(listed.values())


def bucket(p, q):
    """Both sides with all that is not listed on both as outcome None."""
    (of_p, _), (of_q, _) = exact_list(*p), exact_list(*q)
    shared = of_p.keys() & of_q.keys()
    sides = []
    for listed in (of_p, of_q):
        kept = {i: listed[i] for i in sorted(shared)}
        sides.append({**kept, None: 1 - context.fsum(kept.values())})
    return sides


def renormalised(p, q):
    """Both sides on the outcomes that both list."""
    sides = []
    for side in bucket(p, q):
        del side[None]
        mass = context.fsum(side.values())
        sides.append({i: x / mass for i, x in side.items()})
    return sides


def uniform(p, q, vocabulary):
    """Both sides with their rest spread evenly."""
    sides = []
    for listed, rest in (exact_list(*p), exact_list(*q)):
        share = rest / (vocabulary - len(listed)) if vocabulary > len(listed) else 0
        sides.append({i: listed.get(i, share) for i in range(vocabulary)})
    return sides


class Search:
    """All rows of a small vocabulary that a list may stand for."""

    def __init__(self, ids, logs, vocabulary, floor=0.0, k=None):
        self.row = np.zeros(vocabulary)
        self.row[ids] = np.exp(logs)
        self.free = np.setdiff1d(np.arange(vocabulary), ids)
        self.rest = max(0.0, 1 - self.row.sum())
        likeliest = np.sort(self.row[ids])[::-1][:k]
        self.cap = min(likeliest.min(), self.rest)
        if self.free.size:
            self.cap = max(self.cap, self.rest / self.free.size)
        self.floor = floor

    def corners(self):
        """Rows whose free outcomes but one are at their cap or their floor."""
        n = self.free.size
        if n == 0:
            yield self.row
        for one in range(n):
            for high in itertools.product((self.floor, self.cap), repeat=n - 1):
                left = self.rest - sum(high)
                if self.floor - 1e-12 <= left <= self.cap + 1e-12:
                    values = np.insert(np.array(high), one, np.clip(left, self.floor, self.cap))
                    yield self.with_free(values)

    def inside(self, rng):
        """A row drawn from anywhere among them: the corners mixed, most of them hardly."""
        corners = np.array(list(self.corners()))
        return rng.dirichlet(np.full(len(corners), 0.3)) @ corners

    def with_free(self, values):
        row = self.row.copy()
        row[self.free] = values
        return row


def divergences(p, q):
    """name -> value of every pair of rows, in float64."""
    m = (p + q) / 2
    return {
        "kl": _sum(p, q),
        "reverse_kl": _sum(q, p),
        "js": (_sum(p, m) + _sum(q, m)) / 2,
        "total_variation": np.abs(p - q).sum(-1) / 2,
        "entropy_p": -_sum(p, np.ones_like(p)),
        "entropy_q": -_sum(q, np.ones_like(q)),
        "cross_entropy": _sum(p, q) - _sum(p, np.ones_like(p)),
    }


def _sum(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(p / q), 0).sum(-1)
