"""Two sets of distributions compared row by row, block by block.

``compare`` scores two arrays that are at hand. ``Comparison`` is the same for data that come in
blocks: an evaluation loop calls ``update`` with what it holds and keeps a few numbers per row. What
those numbers are is the list in ``_statistics``; what they come to, ``_summary``; how far that may
be off, ``_uncertainty``.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c._gathered import Gathered
from kl_c._label_shift import found_in, warning_for
from kl_c._likelihood import estimates, rms
from kl_c._paired import paired_differences
from kl_c._statistics import STATISTICS, Settings
from kl_c._strata import Stratum, strata_of
from kl_c._summary import summarise_rows
from kl_c._uncertainty import Groups, Interval, percentile_interval, t_interval

__all__ = ["Comparison", "compare"]


class Comparison(Gathered):
    """Statistics of the rows of ``p`` against the rows of ``q``, gathered block by block.

    Parameters
    ----------
    form : str or pair of str, default "probs"
        How the rows are given: "probs", "counts", "log_probs" or "logits"; a pair when p and q
        differ.
    temperature : float, default 1.0
        Divides the logits.
    eps : float, optional
        Floor of the distribution inside the logarithm, as in `kl_divergence`.
    invalid : {"raise", "nan", "ignore"}, default "raise"
        What happens to rows that are no distribution: "raise" refuses their block, "nan" leaves
        them out, "ignore" does not look for them.
    base : float, optional
        Unit of divergences, entropies and likelihoods: None is nats, 2 is bits. Probabilities,
        total variation and shares have none.
    workers : int, optional
        Threads, as in `kl_divergence`.
    k : int, optional
        Compares the k likeliest outcomes of both rows as well.
    outcomes : "equal", "common" or int, default "equal"
        "equal": p and q have as many outcomes, or it is an error. "common": only the outcomes that
        both have are scored, the first of each, as distributions of their own; a number: only so
        many. What that leaves out is reported in ``beyond_p`` and ``beyond_q``.

    Attributes
    ----------
    kl, reverse_kl, js, cross_entropy, entropy_p, entropy_q : ndarray of float64
        KL(p || q), KL(q || p), the Jensen-Shannon divergence, -sum p log q and the entropies of p
        and q, one per row. Rows left out hold NaN.
    total_variation, largest_change : ndarray of float64
        sum |p - q| / 2, and the largest |p - q|.
    top_p, top_q : ndarray of int32
        The likeliest outcome, the lowest index among equals. -1 in rows left out.
    tied_p, tied_q, same_top : ndarray of bool
        Whether others are as likely as the top, and whether both tops are the same outcome. False
        in rows left out.
    p_of_top_p, p_of_top_q, q_of_top_p : ndarray of float64
        The probability that p gives to its own top and to that of q, and q to that of p.
    nll_p, nll_q, label_change : ndarray of float64
        -log p[label], -log q[label] and q[label] - p[label]; only with labels or tokens.
    topk_overlap : ndarray of float64
    topk_ordered, top_in_topk : ndarray of bool
        With T(p) the k likeliest outcomes of p in their order, ties to the lowest index:
        abs(T(p) & T(q)) / k, whether T(p) and T(q) are equal, order included, and whether the top
        of p is in T(q); only with ``k``. The order is that of the values as they are given.
    beyond_p, beyond_q : ndarray of float64
        The probability of the outcomes that are left out; only with ``outcomes``.
    valid : ndarray of bool
        False for the rows left out: masked ones, and those that have no value in one of the
        statistics. An infinite value is a value.
    masked : ndarray of bool
        Rows that the mask or the shift of tokens leaves out.
    groups : ndarray of int64
        The group of each row; only if there are groups.
    settings : tuple
        The parameters by name, as given.

    Raises
    ------
    ValueError, TypeError
        When a setting is out of its range.

    See Also
    --------
    compare : the same for two arrays that are at hand.

    Examples
    --------
    >>> import numpy as np
    >>> from kl_c import Comparison
    >>> rng = np.random.default_rng(0)
    >>> comparison = Comparison(form="logits", base=2, k=5)
    >>> for _ in range(3):
    ...     base = rng.normal(size=(2, 5, 100))
    ...     comparison.update(base, base + rng.normal(scale=0.01, size=base.shape))
    >>> len(comparison), int(comparison.groups.max())
    (30, 5)
    >>> comparison.kl.shape
    (30,)
    >>> summary = comparison.summary()
    >>> summary["unit"]
    'bits'
    >>> 0 < summary["statistics"]["kl"]["mean"] < 1e-3
    True
    """

    def summary(self) -> dict[str, Any]:
        """Mean, uncertainty, percentiles and extremes of every statistic, as plain numbers.

        Returns
        -------
        dict
            ``unit``: "nats", "bits" or "log base ...".
            ``rows``: ``total``, ``used``, ``left_out`` (no value in some statistic), ``masked`` and
            ``infinite``, the number of used rows that have an infinite statistic.
            ``statistics``: for each ``mean``, ``standard_error``, ``minimum``, ``p0.1``, ``p1``,
            ``p5``, ``p10``, ``p25``, ``median``, ``p75``, ``p90``, ``p95``, ``p99``, ``p99.9``,
            ``maximum``, ``count`` and ``infinite``; flags have no percentiles and no extremes.
            ``label_change`` also has ``rms`` and ``rms_standard_error``. With groups each has a
            ``clustered_error`` too, which takes the groups as independent; below 5 of them it is
            NaN.
            ``clusters``, if there are groups: their ``count`` and ``status``, "refused" below 5,
            "few" below 30, else "enough".
            ``perplexity``, with labels: ``p`` and ``q``, exp(mean nll) whatever the base.
            ``likelihood``, with labels: ``perplexity_p``, ``perplexity_q``, their ``difference``
            (q - p) and ``ratio`` (q / p), its logarithm ``log_ratio`` in nats, and the
            ``correlation`` of the two nll; each a ``value`` with its errors.
            ``label_shift``, with labels: how many nats the mean of nll_p is lower with the label
            of the ``next`` and of the ``previous`` row, and whether that is ``suspected`` to be a
            fault.

        Warns
        -----
        UserWarning
            When labels moved by one row would lower the mean of nll_p by more than 1 nat, and by
            three standard errors.

        Notes
        -----
        The standard error s / sqrt(count) takes the rows as independent, which the tokens of one
        text are not. That of G groups is sqrt(G/(G-1) sum_g (sum_{i in g} (x_i - mean))^2) / count.
        Perplexities, ratio, difference and rms are functions of means; their errors come by the
        delta method. Where a row is infinite the mean is infinite and the standard error NaN. The
        percentile of a fraction f interpolates linearly at f (count - 1) of the sorted values.
        Names and formulas are those of the table that llama.cpp prints, where it has them.
        """
        columns = self._columns()
        summary = {"unit": self.unit, **summarise_rows(columns, self.settings)}
        if "drop_next" in columns:
            summary["label_shift"] = found_in(columns)._asdict()
            self._warn_of_shifted_labels()
        return summary

    def interval(self, name: str, *, confidence: float = 0.95) -> Interval:
        """Interval of a mean, or of what the labels' likelihoods come to; needs SciPy.

        Parameters
        ----------
        name : str
            A statistic, "rms" (of ``label_change``), or "perplexity_p", "perplexity_q",
            "log_ratio", "ratio" or "difference".
        confidence : float, default 0.95
            How often such intervals hold the truth.

        Returns
        -------
        Interval
            ``value``, ``standard_error``, ``low``, ``high`` and ``p_value`` (of a true value of
            0): by Student's t with one degree of freedom less than there are groups. Without
            groups every row is one.

        Raises
        ------
        ValueError
            For an unknown name, fewer than 5 groups, or a confidence outside of 0 to 1.
        ImportError
            Without SciPy.

        Examples
        --------
        >>> import numpy as np
        >>> from kl_c import compare
        >>> rng = np.random.default_rng(0)
        >>> base = rng.normal(size=(40, 25, 100))
        >>> comparison = compare(base, base + rng.normal(0, 0.1, base.shape), form="logits")
        >>> found = comparison.interval("kl")
        >>> bool(found.low < comparison.kl.mean() < found.high)
        True
        """
        value, influence = self._estimate(name)
        groups = self._used_groups()
        return t_interval(value, groups.standard_error(influence), groups, confidence)

    def percentile_interval(
        self,
        name: str,
        percentile: float,
        *,
        confidence: float = 0.95,
        resamples: int = 1000,
        seed: int = 0,
    ) -> Interval:
        """Interval of a percentile of one statistic, by drawing groups again and again.

        Parameters
        ----------
        name : str
            A statistic that has percentiles.
        percentile : float
            From 0 to 100.
        confidence : float, default 0.95
            How often such intervals hold the truth, in large samples.
        resamples, seed : int
            How many draws, and where the random numbers start: the same seed, the same interval.

        Returns
        -------
        Interval
            ``standard_error`` is the standard deviation of the draws; there is no ``p_value``.

        Raises
        ------
        ValueError
            For an unknown name, fewer than 5 groups, or a number out of its range.
        """
        known = {s.name for s in STATISTICS if s.has_percentiles}
        columns = self._columns()
        if name not in known or name not in columns:
            raise ValueError(f"expected one of {', '.join(known & set(columns))}, got {name!r}")
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile must lie between 0 and 100, got {percentile}")
        values = columns[name][columns["valid"]]
        groups = self._used_groups()
        return percentile_interval(values, percentile / 100, groups, confidence, resamples, seed)

    def paired(self, other: "Comparison", *, confidence: float = 0.95) -> dict[str, Interval]:
        """How this candidate differs from another that was compared with the same base.

        The rows of both are subtracted, so that what the base and the text do to both drops out;
        the errors are those of the differences, and far smaller than those of the two means.

        Parameters
        ----------
        other : Comparison
            Of the same rows of the same base, with the same settings, mask and groups.
        confidence : float, default 0.95
            Of the intervals.

        Returns
        -------
        dict of str to Interval
            For each statistic that can differ the mean of this less that of the other, over the
            rows that both used, with interval and p-value as in `interval`; with labels the
            difference of the perplexities as ``perplexity_q``.

        Raises
        ------
        ValueError
            When settings, rows, groups, mask or the base are not the same, naming which; for fewer
            than 5 groups.
        ImportError
            Without SciPy.
        """
        return paired_differences(self, other, confidence)

    def strata(self, by: str | ArrayLike, *, edges: ArrayLike | None = None) -> list[Stratum]:
        """The summary of rows of each kind.

        Parameters
        ----------
        by : {"confidence", "entropy", "position"} or array_like of int
            "confidence": the probability of p's top outcome; "entropy": that of p, in the unit of
            this comparison; "position": the number of the row in its group, from 0, or among all
            rows; or a number for each row.
        edges : array_like of float, optional
            Rising limits of the strata. By default confidence is cut at 0.1, 0.25, 0.5, 0.75, 0.9
            and 0.99, entropy and position into four parts of as many rows, and every integer is a
            stratum of its own.

        Returns
        -------
        list of Stratum
            ``low``, ``high`` and ``summary``: rows from low to below high, the last one's high
            included. Rows beyond the edges are in none.

        Raises
        ------
        ValueError, TypeError
            For an unknown key, edges that do not rise, or integers of another length.
        """
        return strata_of(self._columns(), self.settings, by, edges)

    @property
    def unit(self) -> str:
        """What the statistics are measured in."""
        return self.settings.unit

    def __repr__(self) -> str:
        settings = ", ".join(
            f"{name}={value!r}"
            for name, value in self.settings._asdict().items()
            if value != Settings._field_defaults[name]
        )
        summary = summarise_rows(self._columns(), self.settings)
        rows, mean = summary["rows"], summary["statistics"]["kl"]["mean"]
        return (
            f"<Comparison({settings}): {rows['used']} rows used, {rows['left_out']} left out, "
            f"{rows['infinite']} infinite, mean kl {mean:.4g} {self.unit}>"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns()]

    def __getattr__(self, name: str) -> NDArray[Any]:
        # Called for what is not found otherwise; the arrays go by the names of the one list.
        of = {statistic.name: statistic.needs for statistic in STATISTICS}
        if name in of or name in ("valid", "masked", "groups"):
            columns = self._columns()
            if name in columns:
                return columns[name]
            needed = of.get(name, name)
            if needed is None:
                raise AttributeError(f"{name} is not in rows that an earlier version saved")
            where = "the comparison" if needed in Settings._fields else "update()"
            raise AttributeError(f"{name} needs {needed}, and {where} was given none")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _used_groups(self) -> Groups:
        columns = self._columns()
        valid = columns["valid"]
        groups = columns["groups"][valid] if "groups" in columns else None
        return Groups.of(groups, int(valid.sum()))

    def _estimate(self, name: str) -> tuple[float, NDArray[Any]]:
        """What is estimated, and each used row's influence on it."""
        columns, nats = self._columns(), self.settings.nats
        valid = columns["valid"]
        known = {s.name for s in STATISTICS if s.has_mean} & set(columns)
        if name in known:
            values = columns[name][valid]
            return float(values.mean()) if values.size else np.nan, values
        if "nll_p" in columns:
            nll_p, nll_q = columns["nll_p"][valid] * nats, columns["nll_q"][valid] * nats
            found = [*estimates(nll_p, nll_q)]
            if "label_change" in columns:
                found.append(rms(columns["label_change"][valid]))
            for estimate in found:
                if estimate.influence is not None:
                    known.add(estimate.name)
                    if estimate.name == name:
                        return estimate.value, estimate.influence
        raise ValueError(f"expected one of {', '.join(sorted(known))}, got {name!r}")

    def _warn_of_shifted_labels(self) -> None:
        """Once for each comparison."""
        columns = self._columns()
        text = warning_for(found_in(columns)) if "drop_next" in columns else None
        if text is not None and not self._warned:
            self._warned = True
            warnings.warn(text, UserWarning, stacklevel=3)


def compare(
    p: ArrayLike,
    q: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    form: str | tuple[str, str] = "probs",
    temperature: float = 1.0,
    eps: float | None = None,
    invalid: str = "raise",
    base: float | None = None,
    workers: int | None = None,
    k: int | None = None,
    outcomes: str | int = "equal",
) -> Comparison:
    """Compare the rows of two arrays: divergences, entropies, agreement, likelihoods.

    Parameters
    ----------
    p, q : array_like, shape (..., outcomes)
        Two arrays of one shape; p is the data, the teacher or the base.
    labels : array_like of int, shape (...), optional
        The outcome that came true in each row; adds ``nll_p``, ``nll_q`` and the perplexities.
    tokens, mask, groups
        As in `Comparison.update`.
    form, temperature, eps, invalid, base, workers, k, outcomes
        As in `Comparison`.

    Returns
    -------
    Comparison
        One array per statistic, ``summary()`` and ``save()``.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError
        As `Comparison` and `Comparison.update`.

    Warns
    -----
    UserWarning
        When the labels look shifted by one row, as in `Comparison.summary`.

    Examples
    --------
    >>> from kl_c import compare
    >>> teacher = [[2.0, 1.0, 0.0], [0.0, 3.0, 0.0]]
    >>> student = [[2.0, 1.0, 0.5], [3.0, 0.0, 0.0]]
    >>> comparison = compare(teacher, student, form="logits", labels=[0, 1])
    >>> comparison.same_top
    array([ True, False])
    >>> comparison.kl.round(6)
    array([0.011748, 2.592493])
    >>> round(comparison.summary()["perplexity"]["p"], 6)
    1.28565
    """
    comparison = Comparison(
        form=form,
        temperature=temperature,
        eps=eps,
        invalid=invalid,
        base=base,
        workers=workers,
        k=k,
        outcomes=outcomes,
    )
    comparison.update(p, q, labels, tokens=tokens, mask=mask, groups=groups)
    comparison._warn_of_shifted_labels()
    return comparison
