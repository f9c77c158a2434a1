"""Two sets of distributions compared row by row, block by block.

``compare`` scores two arrays that are at hand. ``Comparison`` is the same for data that come in
blocks: an evaluation loop calls ``update`` with what it holds and keeps a few numbers per row. What
those numbers are is the list in ``_statistics``.
"""

import json
import math
import os
import zipfile
import zlib
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels
from kl_c._files import replacing
from kl_c._statistics import STATISTICS, Columns, Settings, score
from kl_c._summary import perplexity, summarise

# What reading a damaged or foreign file may raise.
_DAMAGED = (
    EOFError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

__all__ = ["Comparison", "compare"]


class Comparison:
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
        Unit of every statistic but ``same_top``: None is nats, 2 is bits.
    workers : int, optional
        Threads, as in `kl_divergence`.

    Attributes
    ----------
    kl, reverse_kl, js, cross_entropy, entropy_p, entropy_q : ndarray of float64
        KL(p || q), KL(q || p), the Jensen-Shannon divergence, -sum p log q and the entropies of p
        and q, one per row. Rows left out hold NaN.
    same_top : ndarray of bool
        Whether p and q have the same likeliest outcome, the lowest index among equals. False for
        rows left out.
    nll_p, nll_q : ndarray of float64
        -log p[label] and -log q[label]; only with labels.
    valid : ndarray of bool
        False for the rows left out: those that have no value in one of the statistics. An infinite
        value is a value.
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
    >>> comparison = Comparison(form="logits", base=2)
    >>> for _ in range(3):
    ...     base = rng.normal(size=(2, 5, 100))
    ...     comparison.update(base, base + rng.normal(scale=0.01, size=base.shape))
    >>> len(comparison)
    30
    >>> comparison.kl.shape
    (30,)
    >>> summary = comparison.summary()
    >>> summary["unit"]
    'bits'
    >>> 0 < summary["statistics"]["kl"]["mean"] < 1e-3
    True
    """

    def __init__(
        self,
        *,
        form: str | tuple[str, str] = "probs",
        temperature: float = 1.0,
        eps: float | None = None,
        invalid: str = "raise",
        base: float | None = None,
        workers: int | None = None,
    ) -> None:
        self.settings = Settings(form, temperature, eps, invalid, base, workers)
        self.settings.check()
        # Checked, so that these are numbers; NumPy's would not fit into JSON.
        self.settings = self.settings._replace(
            temperature=float(temperature),
            eps=None if eps is None else float(eps),
            base=None if base is None else float(base),
        )
        self._blocks: list[Columns] = []
        self._outcomes: int | None = None  # of a row, known from the first block on

    def update(self, p: ArrayLike, q: ArrayLike, labels: ArrayLike | None = None) -> None:
        """Add the rows of one block. When it raises, the comparison is as it was before.

        Parameters
        ----------
        p, q : array_like, shape (..., outcomes)
            Two arrays of one shape. The leading axes are flattened in C order, without a copy
            where the strides allow it.
        labels : array_like of int, shape (...), optional
            The outcome that came true in each row; given with every block or with none.

        Raises
        ------
        InvalidRowsError
            With ``invalid="raise"``, when a row is no distribution or a label is out of range. Its
            ``row`` counts from the first row of the first block, its ``count`` the bad rows of
            this block.
        ValueError
            When the shapes do not agree with each other or with the blocks before.
        TypeError
            When a dtype is not a real number type, or that of the labels not an integer type.
        """
        rows = self._agreeing_rows(p, q, labels)
        try:
            columns = score(*rows, self.settings)
        except _kernels.InvalidRowsError as error:
            assert isinstance(error.row, int)  # rows have one batch axis here
            row = len(self) + error.row
            raise _kernels.InvalidRowsError(error.array, row, error.count, error.reason) from None
        self._blocks.append(columns)
        self._outcomes = rows[0].shape[1]

    def summary(self) -> dict[str, Any]:
        """Mean, uncertainty, percentiles and maximum of every statistic, as plain numbers.

        Returns
        -------
        dict
            ``unit``: "nats", "bits" or "log base ...".
            ``rows``: ``total``, ``used``, ``left_out`` and ``infinite``, the number of used rows
            that have an infinite statistic.
            ``statistics``: for each ``mean``, ``standard_error``, ``median``, ``p90``, ``p95``,
            ``p99``, ``p99.9``, ``maximum``, ``count`` and ``infinite``; ``same_top`` has no
            percentiles and no maximum.
            ``perplexity``, with labels: ``p`` and ``q``, exp(mean nll) whatever the base.

        Notes
        -----
        The standard error s / sqrt(count) takes the rows as independent, which the tokens of one
        text are not. Where a row is infinite the mean is infinite and the standard error NaN. The
        percentile of a fraction f interpolates linearly at f (count - 1) of the sorted values.
        """
        columns = dict(self._columns())
        valid = columns.pop("valid")
        infinite = np.logical_or.reduce([np.isinf(column) for column in columns.values()])
        statistics = {name: summarise(column[valid]) for name, column in columns.items()}
        used = int(np.count_nonzero(valid))
        summary: dict[str, Any] = {
            "unit": self.unit,
            "rows": {
                "total": valid.size,
                "used": used,
                "left_out": valid.size - used,
                "infinite": int(np.count_nonzero(infinite)),
            },
            "statistics": statistics,
        }
        if "nll_p" in statistics:
            summary["perplexity"] = {
                side: perplexity(float(statistics[f"nll_{side}"]["mean"]), self.settings.base)
                for side in ("p", "q")
            }
        return summary

    @property
    def unit(self) -> str:
        """What the statistics are measured in."""
        base = self.settings.base
        if base is None:
            return "nats"
        return "bits" if base == 2 else f"log base {base:g}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the rows and the settings to ``path``, an .npz file without pickles.

        It holds one array per statistic, ``valid``, and ``settings`` as a JSON text that also names
        version and backend; ``numpy.load`` reads it. The name appears when the file is complete.
        """
        config = _kernels.show_config()
        settings = self.settings._asdict()
        del settings["workers"]  # belongs to the machine; the scores are the same for any number
        settings |= {"outcomes": self._outcomes}
        settings |= {name: config[name] for name in ("version", "backend")}
        with replacing(path) as file:
            arrays: dict[str, Any] = {"settings": np.array(json.dumps(settings)), **self._columns()}
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote. The result can be summarised, and updated further.

        Raises
        ------
        ValueError
            When the file was not written by `save` or is damaged; the text names the path.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                columns = {name: archive[name] for name in archive.files}
            settings = json.loads(str(columns.pop("settings")))
            keywords = {name: settings[name] for name in Settings._fields if name != "workers"}
            if isinstance(keywords["form"], list):
                keywords["form"] = tuple(keywords["form"])
            loaded = cls(**keywords)
            loaded._outcomes = settings["outcomes"]
            loaded._blocks.append(_checked(columns))
        except _DAMAGED as error:
            raise ValueError(
                f"{os.fspath(path)}: expected rows written by Comparison.save, found {error}"
            ) from error
        return loaded

    def __len__(self) -> int:
        return sum(block["valid"].size for block in self._blocks)

    def __repr__(self) -> str:
        settings = ", ".join(
            f"{name}={value!r}"
            for name, value in self.settings._asdict().items()
            if value != Settings._field_defaults[name]
        )
        summary = self.summary()
        rows, mean = summary["rows"], summary["statistics"]["kl"]["mean"]
        return (
            f"<Comparison({settings}): {rows['used']} rows used, {rows['left_out']} left out, "
            f"{rows['infinite']} infinite, mean kl {mean:.4g} {self.unit}>"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns()]

    def __getattr__(self, name: str) -> NDArray[Any]:
        # Called for what is not found otherwise; the arrays go by the names of the one list.
        if name == "valid" or name in (statistic.name for statistic in STATISTICS):
            columns = self._columns()
            if name in columns:
                return columns[name]
            raise AttributeError(f"{name} needs labels, and update() was given none")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _columns(self) -> Columns:
        """One array per statistic and ``valid``; the blocks are joined when first asked for."""
        if not self._blocks:
            names = {s.name: s.dtype for s in STATISTICS if not s.needs_labels}
            return {name: np.empty(0, dtype) for name, dtype in (names | {"valid": bool}).items()}
        if len(self._blocks) > 1:
            joined = {
                name: np.concatenate([block[name] for block in self._blocks])
                for name in self._blocks[0]
            }
            self._blocks = [joined]
        return self._blocks[0]

    def _agreeing_rows(self, p: Any, q: Any, labels: Any) -> tuple[Any, Any, Any]:
        """The block as rows x outcomes, twice, and its labels, once all shapes agree."""
        p, q = _array(p), _array(q)
        if p.ndim == 0 or q.ndim == 0:
            raise ValueError("p and q must have an axis of outcomes, got a 0-D array")
        shape = tuple(p.shape)
        if tuple(q.shape) != shape:
            raise ValueError(f"p and q must have the same shape, got {shape} and {tuple(q.shape)}")
        batch, outcomes, rows = shape[:-1], shape[-1], math.prod(shape[:-1])
        if self._blocks and outcomes != self._outcomes:
            raise ValueError(
                f"expected {self._outcomes} outcomes as in the blocks before, got {outcomes}"
            )
        if self._blocks and ("nll_p" in self._blocks[0]) != (labels is not None):
            raise ValueError("expected labels with every block or with none")
        if labels is not None:
            labels = _array(labels)
            if tuple(labels.shape) != batch:
                raise ValueError(
                    f"labels must have the shape of the rows, {batch}, got {tuple(labels.shape)}"
                )
            labels = labels.reshape(rows)
        return p.reshape(rows, outcomes), q.reshape(rows, outcomes), labels


def compare(
    p: ArrayLike,
    q: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    form: str | tuple[str, str] = "probs",
    temperature: float = 1.0,
    eps: float | None = None,
    invalid: str = "raise",
    base: float | None = None,
    workers: int | None = None,
) -> Comparison:
    """Compare the rows of two arrays: KL both ways, JS, entropies, agreement, likelihoods.

    Parameters
    ----------
    p, q : array_like, shape (..., outcomes)
        Two arrays of one shape; p is the data, the teacher or the base.
    labels : array_like of int, shape (...), optional
        The outcome that came true in each row; adds ``nll_p``, ``nll_q`` and the perplexities.
    form, temperature, eps, invalid, base, workers
        As in `Comparison`.

    Returns
    -------
    Comparison
        One array per statistic, ``summary()`` and ``save()``.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError
        As `Comparison` and `Comparison.update`.

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
        form=form, temperature=temperature, eps=eps, invalid=invalid, base=base, workers=workers
    )
    comparison.update(p, q, labels)
    return comparison


def _array(values: Any) -> Any:
    """Arrays, their subclasses and tensors as they are, anything else as NumPy reads it."""
    return values if hasattr(values, "reshape") else np.asarray(values)


def _checked(columns: Columns) -> Columns:
    """The columns of a saved comparison, once they are the ones that this version writes."""
    labelled = any(s.name in columns for s in STATISTICS if s.needs_labels)
    expected = {s.name: s.dtype for s in STATISTICS if labelled or not s.needs_labels}
    expected["valid"] = bool
    found = {name: column.dtype for name, column in columns.items()}
    if found != expected:
        raise ValueError(f"the arrays {', '.join(found)}")
    if any(column.shape != columns["valid"].shape for column in columns.values()):
        raise ValueError("arrays of different lengths")
    return columns
