"""Two sets of rows of which only the likeliest outcomes are kept: top-k ids and log-probabilities.

Serving engines and distillation sets store that. ``compare_sparse`` scores such lists, or a list
against whole rows; what a list does not say is completed by a ``tail``, and ``bounds=True`` says
between which values every completion lies. The mathematics stands in ``_completions``.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels
from kl_c._rows import groups_of, integers, mask_of
from kl_c._sparse_rows import Checked, Given, aligned, given
from kl_c._sparse_settings import SparseSettings
from kl_c._sparse_statistics import score_bounds, score_tail
from kl_c._statistics import Columns
from kl_c._summary import summarise, summarise_rows
from kl_c._uncertainty import Groups

__all__ = ["SparseComparison", "compare_sparse"]

# Numbers that one array of a block may have: a handful of them are held at one time.
BLOCK = 1 << 20

LEFT_OUT = {"top_p": -1, "top_q": -1, "same_top": False, "listed_p": False, "listed_q": False}
LEFT_OUT |= {"shared": -1}


class SparseComparison:
    """Statistics of lists of the likeliest outcomes, gathered block by block.

    Takes the keywords of `compare_sparse`, which describes them; a live loop calls `update`.

    Attributes
    ----------
    kl, reverse_kl, js, total_variation, cross_entropy, entropy_p, entropy_q : ndarray of float64
        The measures of the rows as ``tail`` completes them. Rows left out hold NaN.
    top_p, top_q : ndarray of int64
        The id of the likeliest outcome, the lowest among equals; -1 in rows left out.
    same_top : ndarray of bool
        Whether these are the same: exact but for ties in the stored values.
    nll_p, nll_q : ndarray of float64
        -log p[label] and -log q[label], of the stored value where the label is listed;
        otherwise the least that they can be, with ``tail="uniform"`` what the completed row says.
        Only with labels.
    listed_p, listed_q : ndarray of bool
        Whether the label is listed. Only with labels.
    rest_p, rest_q : ndarray of float64
        The probability of what is not listed, at least 2**-48 where a list is not complete.
    shared : ndarray of int64
        How many outcomes both list.
    valid, masked, groups
        As in `Comparison`.
    lower, upper : dict of str to ndarray
        The bounds by name: the first seven above and the negative log-likelihoods. Only with
        ``bounds=True``.

    Examples
    --------
    >>> import numpy as np
    >>> from kl_c import SparseComparison
    >>> comparison = SparseComparison(tail="bucket")
    >>> for _ in range(2):
    ...     ids, log_probs = np.array([[5, 2], [1, 9]]), np.log([[0.7, 0.2], [0.5, 0.4]])
    ...     comparison.update((ids, log_probs), (ids, log_probs - 0.01))
    >>> len(comparison), comparison.kl.shape
    (4, (4,))
    """

    def __init__(
        self,
        *,
        tail: str = "bucket",
        bounds: bool = False,
        vocabulary: int | None = None,
        k: int | None = None,
        floor: float = 0.0,
        form: str = "probs",
        invalid: str = "raise",
        base: float | None = None,
        workers: int | None = None,
    ) -> None:
        self.settings = SparseSettings(
            tail, bounds, vocabulary, k, floor, form, invalid, base, workers
        ).checked()
        self._blocks: list[Columns] = []
        self._rows = 0
        self._next_group = 0
        self._groups_by_axis: bool | None = None
        self._vocabulary: int | None = self.settings.vocabulary

    def update(
        self,
        p: Any,
        q: Any,
        labels: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> None:
        """Add the rows of one block, which may list more or fewer outcomes than the one before.

        Arguments and errors are those of `compare_sparse`. When it raises, nothing was added.
        """
        sides = [given(name, side, self.settings.form) for name, side in (("p", p), ("q", q))]
        batch = sides[0].batch
        if sides[1].batch != batch:
            raise ValueError(
                f"p and q must have the same rows, got {batch} and {sides[1].batch} of them"
            )
        vocabulary = self.settings.vocabulary_of(sides)
        if self._blocks and vocabulary != self._vocabulary:
            raise ValueError(
                f"expected {self._vocabulary} outcomes as in the blocks before, got {vocabulary}"
            )
        count = math.prod(batch)
        masked = np.zeros(count, bool) if mask is None else ~mask_of(mask, batch).reshape(count)
        of_row = None if labels is None else integers("labels", labels, batch).reshape(count)
        if of_row is not None:
            self._refuse_labels(of_row, masked, vocabulary)
        by_axis = groups is None and len(batch) > 1
        if by_axis:
            groups = np.arange(batch[0]) + self._next_group
        of_group = None if groups is None else groups_of(groups, batch).reshape(count)
        self._agree_with_blocks_before(of_row is not None, of_group is not None, by_axis)
        columns = self._score(sides, of_row, masked, vocabulary)
        if of_group is not None:
            columns["groups"] = of_group
            self._groups_by_axis = by_axis
            self._next_group = max(self._next_group, int(of_group.max(initial=-1)) + 1)
        self._blocks.append(columns)
        self._rows += count
        self._vocabulary = vocabulary

    def summary(self) -> dict[str, Any]:
        """What the rows come to, as plain numbers.

        Returns
        -------
        dict
            ``unit``, ``rows``, ``statistics``, and ``clusters``, ``perplexity``, ``likelihood``
            where there are groups or labels, all as in `Comparison.summary`.
            ``tail``, ``vocabulary``, ``k`` and ``floor``: the settings.
            ``lists``: the same figures of ``rest_p``, ``rest_q``, ``shared`` and, with labels,
            ``listed_p`` and ``listed_q``.
            ``bounds``, if they were asked for: for each statistic ``lower``, ``upper`` and their
            difference, ``width``. The true mean lies between the means of ``lower`` and ``upper``.
        """
        columns = self._columns()
        settings = self.settings
        valid = columns["valid"]
        groups = Groups.of(columns["groups"][valid] if "groups" in columns else None, valid.sum())
        found: dict[str, Any] = {"unit": settings.of_kernels.unit}
        for name in ("tail", "vocabulary", "k", "floor"):
            found[name] = getattr(settings, name)
        found |= summarise_rows(columns, settings.of_kernels)
        of_lists = ("rest_p", "rest_q", "shared", "listed_p", "listed_q")
        found["lists"] = {
            name: summarise(columns[name][valid], groups) for name in of_lists if name in columns
        }
        if settings.bounds:
            lower, upper = self.lower, self.upper
            found["bounds"] = {}
            for name in lower:
                low, high = lower[name][valid], upper[name][valid]
                with np.errstate(invalid="ignore"):
                    width = np.where(low == high, 0.0, high - low)
                found["bounds"][name] = {
                    "lower": summarise(low, groups),
                    "upper": summarise(high, groups),
                    "width": summarise(width, groups),
                }
        return found

    @property
    def lower(self) -> dict[str, NDArray[np.float64]]:
        return self._bound("lower ")

    @property
    def upper(self) -> dict[str, NDArray[np.float64]]:
        return self._bound("upper ")

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        summary = summarise_rows(self._columns(), self.settings.of_kernels)
        rows, mean = summary["rows"], summary["statistics"]["kl"]["mean"]
        unit = self.settings.of_kernels.unit
        return (
            f"<SparseComparison(tail={self.settings.tail!r}): {rows['used']} rows used, "
            f"{rows['left_out']} left out, mean kl {mean:.4g} {unit}>"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._columns() if " " not in name)]

    def __getattr__(self, name: str) -> NDArray[Any]:
        # Called for what is not found otherwise.
        if not name.startswith("_"):
            columns = self._columns()
            if name in columns:
                return columns[name]
            if name in ("lower", "upper"):
                raise AttributeError(f"{name} needs bounds=True, and the comparison has it False")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _bound(self, prefix: str) -> dict[str, NDArray[np.float64]]:
        if not self.settings.bounds:
            raise AttributeError(prefix)  # and __getattr__ says why
        columns = self._columns()
        return {x.removeprefix(prefix): y for x, y in columns.items() if x.startswith(prefix)}

    def _columns(self) -> Columns:
        """Every array by name; the blocks are joined when first asked for."""
        if not self._blocks:
            settings = self.settings._replace(vocabulary=self.settings.vocabulary or 1)
            empty, none = SparseComparison(**settings._asdict()), np.zeros((0, 1))
            empty.update((none.astype(np.int64), none), (none.astype(np.int64), none))
            return empty._blocks[0]
        if len(self._blocks) > 1:
            first = self._blocks[0]
            self._blocks = [{x: np.concatenate([b[x] for b in self._blocks]) for x in first}]
        return self._blocks[0]

    def _score(
        self,
        sides: list[Given],
        labels: NDArray[Any] | None,
        masked: NDArray[np.bool_],
        vocabulary: int | None,
    ) -> Columns:
        """All columns of one block, some rows at a time, so that memory stays flat."""
        settings = self.settings
        by = settings.completion
        step = max(1, BLOCK // sum(side.values.shape[1] for side in sides))
        parts: list[Columns] = []
        faults: dict[str, list[Any]] = {}
        for start in range(0, max(1, masked.size), step):
            used = start + np.flatnonzero(~masked[start : start + step])
            checked = []
            for side in sides:
                found = Checked.of(
                    side.at(used),
                    vocabulary,
                    settings.k,
                    settings.floor,
                    settings.bounds,
                )
                checked.append(found)
                if found.bad.any():
                    row = int(used[np.argmax(found.bad)])
                    fault = faults.setdefault(side.name, [row, 0, found.reason])
                    fault[1] += int(found.bad.sum())
            if faults and settings.invalid == "raise":
                continue
            good = ~(checked[0].bad | checked[1].bad)
            rows = aligned(*(found.side.at(good) for found in checked))
            of_rows = None if labels is None else labels[used[good]]
            part = score_tail(rows, of_rows, by)
            if settings.bounds:
                bounds = zip(("lower", "upper"), score_bounds(rows, of_rows, by), strict=True)
                for which, columns in bounds:
                    part |= {f"{which} {name}": column for name, column in columns.items()}
            parts.append(_placed(part, used[good] - start, masked[start : start + step]))
        for name in ("p", "q"):
            if faults and settings.invalid == "raise" and name in faults:
                row, count, reason = faults[name]
                raise _kernels.InvalidRowsError(name, self._rows + row, count, reason)
        return {x: np.concatenate([part[x] for part in parts]) for x in parts[0]}

    def _agree_with_blocks_before(self, labels: bool, groups: bool, by_axis: bool) -> None:
        """Before anything is scored."""
        if not self._blocks:
            return
        block = self._blocks[0]
        if ("nll_p" in block) != labels:
            raise ValueError("expected labels with every block or with none")
        if ("groups" in block) != groups:
            raise ValueError(
                "expected groups with every block or with none (rows of two axes bring their own)"
            )
        if groups and by_axis != self._groups_by_axis:
            raise ValueError("expected groups to be given with every block, or to count axis 0")

    def _refuse_labels(
        self, labels: NDArray[Any], masked: NDArray[np.bool_], vocabulary: int | None
    ) -> None:
        end = np.inf if vocabulary is None else vocabulary
        wrong = ~masked & ((labels < 0) | (labels >= end))
        if wrong.any():
            row = int(np.argmax(wrong))
            rule = "not be negative" if vocabulary is None else f"lie in 0 ... {vocabulary - 1}"
            reason = f"is {labels[row]}; labels must {rule}"
            raise _kernels.InvalidRowsError("labels", self._rows + row, int(wrong.sum()), reason)


def compare_sparse(
    p: Any,
    q: Any,
    labels: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    tail: str = "bucket",
    bounds: bool = False,
    vocabulary: int | None = None,
    k: int | None = None,
    floor: float = 0.0,
    form: str = "probs",
    invalid: str = "raise",
    base: float | None = None,
    workers: int | None = None,
) -> SparseComparison:
    """Compare rows of which only the likeliest outcomes are known, on one side or on both.

    Parameters
    ----------
    p, q : pair of array_like, or array_like
        A list: a tuple ``(ids, log_probs)`` of two arrays of shape (..., k), the ids of outcomes
        and the natural logarithms of their probabilities, in any order. An id of -1 or a
        log-probability of -inf is no entry. Or whole rows: an array of shape (..., outcomes) in
        ``form``. The two may list different outcomes, and different numbers of them.
    labels : array_like of int, shape (...), optional
        The id that came true in each row.
    mask, groups : array_like, optional
        As in `Comparison.update`: rows that are left out (False), rows that belong together.
    tail : {"bucket", "renormalize", "uniform"}, default "bucket"
        How rows are completed. "bucket": all that is not listed on both sides is one more outcome;
        by the data-processing inequality each divergence, entropy and cross-entropy is then at most
        that of any whole rows with the stored values. "renormalize": only outcomes listed on both
        sides, as distributions of their own; neither more nor less than the truth by any rule, NaN
        where there are none. "uniform": what a row does not list shares its rest evenly; an
        estimate, which takes the vocabulary.
    bounds : bool, default False
        Whether to give the least and the largest value over all rows that the lists may stand for,
        in ``lower`` and ``upper``.
    vocabulary : int, optional
        How many outcomes there are. Known where one side is whole rows. Without it the bounds hold
        for any number, and entropies have no upper one.
    k : int, optional
        How many entries of each list are the likeliest of the vocabulary; by default all of them.
        Say it where a list holds more, as the token that was drawn. A bound takes no outcome that
        is not listed to be likelier than the k-th.
    floor : float, default 0
        A probability that every outcome has, in p and in q, which the caller vouches for; rows with
        less are refused. Without one the upper bound of KL(p || q) is infinite wherever q need not
        list what p may have.
    form : str, default "probs"
        Of whole rows, as in `compare`. Lists are log-probabilities.
    invalid : {"raise", "nan"}, default "raise"
        Rows that are no lists and no distributions: refuse them, or leave them out.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    workers : int, optional
        Threads, as in `kl_divergence`.

    Returns
    -------
    SparseComparison
        Arrays of one number per row, ``lower``, ``upper`` and ``summary()``.

    Raises
    ------
    InvalidRowsError
        For a list that holds an id twice or out of range, sums to more than 1 (with the tolerance
        of ``"log_probs"``), is empty, or leaves more than the outcomes that it does not list can
        hold; and for lists and whole rows with a value below ``floor``.
    ValueError, TypeError
        When shapes or types do not agree, or a setting is out of its range.

    See Also
    --------
    compare : for whole rows on both sides.

    Notes
    -----
    Bounds are over all rows that have the stored values, taken as the numbers that they are, and
    give any other outcome a probability between 0 and min(the list's k-th, its rest). Those of KL
    both ways, Jensen-Shannon divergence, total variation, the entropies and the negative
    log-likelihoods are attained: no narrower ones follow from the lists. Those of the cross-entropy
    hold and are wider, and so are, with a floor, the lower ones of divergences, which do not use
    it. All are moved outwards by 2**-40, of 1 and of the value, for the rounding of their own
    computation.

    What the storage of a value took from it is not in them. The rest of a list in float16 or
    bfloat16 is off by 5e-4 or 4e-3 of the row's entropy, and so may be roundoff and nothing else:
    the rows that were stored then lie outside of the bounds. Keep float32.

    Examples
    --------
    >>> import numpy as np
    >>> from kl_c import compare_sparse
    >>> p = np.array([[7, 3, 4]]), np.log([[0.6, 0.2, 0.1]])  # of 10 outcomes
    >>> q = np.array([[7, 4, 1]]), np.log([[0.5, 0.3, 0.1]])
    >>> found = compare_sparse(p, q, vocabulary=10, bounds=True)
    >>> found.kl.round(4)
    array([0.1212])
    >>> low, high = found.lower["kl"][0], found.upper["kl"][0]
    >>> round(float(low), 4), float(high)
    (0.1382, inf)
    >>> float(found.upper["js"].round(4)[0]), bool(found.same_top[0])
    (0.2017, True)
    """
    found = SparseComparison(
        tail=tail,
        bounds=bounds,
        vocabulary=vocabulary,
        k=k,
        floor=floor,
        form=form,
        invalid=invalid,
        base=base,
        workers=workers,
    )
    found.update(p, q, labels, mask=mask, groups=groups)
    return found


def _placed(columns: Columns, places: NDArray[Any], masked: NDArray[np.bool_]) -> Columns:
    """Columns of some rows among all of a block, and which rows are used."""
    valid = np.zeros(masked.size, bool)
    valid[places] = np.all([~np.isnan(column) for column in columns.values()], axis=0)
    whole: Columns = {}
    for name, column in columns.items():
        left_out = LEFT_OUT.get(name, np.nan)
        placed = np.full(masked.size, left_out, column.dtype)
        placed[places] = column
        placed[~valid] = left_out
        whole[name] = placed
    return {**whole, "valid": valid, "masked": masked}
