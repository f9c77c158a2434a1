"""Pictures that explain a divergence: where it comes from, and what its direction does.

They need matplotlib (the extra ``plots``), which is imported when one is drawn. Nothing is shown
and no setting of matplotlib is changed: each function returns what it drew, to be saved by
``figure.savefig`` or shown as the caller likes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c._kernels import kl_divergence, rel_entr
from kl_c._pictures.colours import BLUE, FAINT, GREEN, INK, ORANGE, RED
from kl_c._pictures.gaussian_fits import Fit, best_fits, target
from kl_c._pictures.heatmap import by_similarity, checked, draw_matrix
from kl_c._pictures.style import SMALL, WORDS, begin, dress, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contributions", "forward_reverse", "pairwise_heatmap"]

MOST_NUMBERS = 10  # outcomes of which both probabilities can be written above their bars
UNITS: dict[float | None, str] = {None: "nats", 2: "bits", 10: "bans"}
SHOWN = (-6, 6)  # of the points on which Gaussians are fitted
WIDTH = 0.38  # of a bar, of the step between outcomes
ROOM = 1.3  # a factor, for the numbers beyond the bars


def contributions(
    p: ArrayLike,
    q: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    base: float | None = 2,
    ax: "Axes | None" = None,
) -> "Axes":
    """Bars of p and q, and below them each outcome's share of KL(p || q).

    The share of outcome i is p[i] log(p[i] / q[i]), negative where q gives it more than p does; the
    shares add up to KL(p || q), which stands above them.

    Parameters
    ----------
    p, q : array_like, one row of outcomes each
        Probabilities.
    labels : sequence of str, optional
        Names of the outcomes; without them their numbers.
    base : float, optional
        Unit: 2 is bits, None is nats.
    ax : matplotlib.axes.Axes, optional
        Where to draw; without it on a figure of its own, ``returned.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax`` without its frame; its two ``child_axes`` hold the bars and the shares.

    Raises
    ------
    InvalidRowsError
        If p or q is no distribution.
    ValueError
        If p and q are not one row each of the same length, or labels are not as many.
    ImportError
        Without matplotlib.

    Notes
    -----
    There is no floor: where q lacks an outcome that p has, its share and the sum are infinite, and
    the bar is longer than all others. Numbers are written for up to 10 outcomes.

    Source: Cover and Thomas, *Elements of Information Theory* (2006), section 2.3.

    Examples
    --------
    >>> axes = kl_c.plots.contributions([0.5, 0.5], [0.9, 0.1], labels=["heads", "tails"])
    >>> [text.get_text() for text in axes.child_axes[1].texts]
    ['−0.424', '+1.161']
    """
    rows = _row("p", p), _row("q", q)
    total = float(kl_divergence(*rows, base=base, eps=0))
    shares = rel_entr(*(row / row.sum() for row in rows), base=base, eps=0)
    count = shares.size
    names = [plain(name) for name in _names(labels, count, "outcomes")]
    if ax is None:
        _, ax = begin("Where a divergence comes from", "")
    ax.set_axis_off()
    above, below = ax.inset_axes((0, 0.52, 1, 0.44)), ax.inset_axes((0, 0, 1, 0.4))
    unit = UNITS.get(base, f"logarithms to base {base:g}" if base else "nats")
    _draw_bars(above, *rows)
    _draw_shares(below, shares)
    below.set_title(
        f"shares of KL(p ‖ q) = {_number(total)} {unit}", loc="left", color=INK, fontsize=SMALL
    )
    for axes in (above, below):
        axes.set_xlim(-0.6, count - 0.4)
        axes.tick_params(axis="x", length=0)
    if count <= MOST_NUMBERS or labels is not None:
        above.set_xticks(range(count), names)
        below.set_xticks(range(count), [""] * count)
    return ax


def forward_reverse() -> "Figure":
    """One Gaussian against a target of two humps, fitted by each direction of KL.

    Forward: the Gaussian q with the least KL(p || q), which has to be everywhere where p is and so
    covers both humps; its mean and variance are those of p. Reverse: the one with the least
    KL(q || p), which must not be where p is not and so picks one. Both are found by scoring a grid
    of Gaussians with `kl_divergence`, finer and finer around the best.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels, forward and reverse, each with both divergences of its Gaussian in nats.

    Raises
    ------
    ImportError
        Without matplotlib.

    Notes
    -----
    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 10.1.2.

    Examples
    --------
    >>> figure = kl_c.plots.forward_reverse()
    >>> for panel in figure.axes:
    ...     print(panel.get_title(loc="left").splitlines()[0])
    forward: least KL(p ‖ q)
    reverse: least KL(q ‖ p)
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    x, p = target()
    step = x[1] - x[0]  # probabilities divided by it are densities
    fits = best_fits()
    for axes, fit, colour in zip(panels, fits, (ORANGE, RED), strict=True):
        dress(axes)
        axes.fill_between(x, p / step, color=BLUE, alpha=0.2, lw=0)
        axes.plot(x, p / step, color=BLUE, linewidth=1.8)
        axes.plot(x, fit.row / step, color=colour, linewidth=2.4, ls=(0, (5, 1.5)))
        axes.set_title(_words(fit), loc="left", color=INK, fontsize=WORDS)
        axes.set_xlim(*SHOWN)
        _name(axes, "q", fit.mean, fit.row.max() / step, colour)
    right = x > 0  # the hump that no q of the second panel covers
    for axes in panels:
        _name(axes, "p", x[right][p[right].argmax()], p[right].max() / step, BLUE)
    panels[0].set_ylabel("density")
    panels[0].set_ylim(0, 1.15 * max(p.max(), *(fit.row.max() for fit in fits)) / step)
    return figure


def pairwise_heatmap(
    matrix: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    title: str = "All pairs, ordered by similarity",
    ax: "Axes | None" = None,
) -> "Axes":
    """The matrix of `pairwise` as shades, with rows that resemble each other side by side.

    Parameters
    ----------
    matrix : array_like, n x n
        Divergences of one set of rows from each other, finite and not negative.
    labels : sequence of str, optional
        Names of the rows; without them their numbers.
    title : str
        What stands above it, such as the measure and its unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; without it on a figure of its own, ``returned.figure``.

    Returns
    -------
    matplotlib.axes.Axes
        Rows and columns in the same order, which the labels on its axes tell.

    Raises
    ------
    ValueError
        If the matrix is not square, holds what is no divergence, or labels are not as many.
    ImportError
        Without matplotlib or SciPy (both come with the extra ``plots``).

    Notes
    -----
    The order is that of the leaves of a tree by average linkage, turned so that neighbours are as
    near as the tree allows; for a measure that is not symmetric, of the mean of both directions.
    Numbers are written for up to 12 rows, labels for up to 40.

    Source: Bar-Joseph, Gifford and Jaakkola, "Fast optimal leaf ordering for hierarchical
    clustering" (2001).

    Examples
    --------
    >>> X = [[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.2, 0.8]]
    >>> axes = kl_c.plots.pairwise_heatmap(kl_c.pairwise(X), labels=["a", "b", "c", "d"])
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['a', 'c', 'd', 'b']
    """
    found = checked(matrix)
    names = _names(labels, len(found), "rows")
    order = by_similarity(found)
    if ax is None:
        _, ax = begin(title, "")
        title = ""
    draw_matrix(ax, found[np.ix_(order, order)], [names[i] for i in order], plain(title))
    return ax


def _names(labels: Sequence[str] | None, count: int, what: str) -> list[str]:
    if labels is not None and len(labels) != count:
        raise ValueError(f"labels must be one for each of the {count} {what}, got {len(labels)}")
    return [str(x) for x in (range(count) if labels is None else labels)]


def _words(fit: Fit) -> str:
    name, sign = ("forward", "KL(p ‖ q)") if fit.is_forward else ("reverse", "KL(q ‖ p)")
    return (
        f"{name}: least {sign}\n"
        f"q has mean {_number(fit.mean, 2)}, deviation {fit.deviation:.2f}\n"
        f"KL(p ‖ q) = {fit.forward:.3f}, KL(q ‖ p) = {fit.reverse:.3f} nats"
    )


def _name(axes: Any, text: str, x: float, y: float, colour: str) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(0, 5),
        textcoords="offset points",
        ha="center",
        color=colour,
        fontsize=WORDS,
        fontweight="bold",
    )


def _row(name: str, values: ArrayLike) -> NDArray[np.float64]:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1:
        raise ValueError(f"{name} must be one row of outcomes, got shape {row.shape}")
    return row


def _draw_bars(axes: Any, p: NDArray[np.float64], q: NDArray[np.float64]) -> None:
    dress(axes)
    places = np.arange(p.size)
    for name, row, shift, colour in (("p", p, -WIDTH / 2, BLUE), ("q", q, WIDTH / 2, ORANGE)):
        axes.bar(places + shift, row, WIDTH * 0.95, color=colour, label=name)
        if p.size <= MOST_NUMBERS:
            for place, value in zip(places, row, strict=True):
                _write(axes, place + shift, value, f"{value:.3g}")
    axes.set_ylim(0, ROOM * max(p.max(), q.max()))
    axes.set_title("probability", loc="left", color=INK, fontsize=SMALL)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        borderpad=0,
    )


def _draw_shares(axes: Any, shares: NDArray[np.float64]) -> None:
    """Bars up and down from 0; an infinite one is longer than all others."""
    dress(axes)
    axes.grid(visible=False)
    is_finite = np.isfinite(shares)
    edge = 1.5 * (float(np.abs(shares[is_finite]).max(initial=0)) or 1.0)
    heights = np.where(is_finite, shares, edge)
    colours = [RED if share > 0 else GREEN for share in shares]
    axes.bar(range(shares.size), heights, 2 * WIDTH, color=colours)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    low, high = min(0.0, float(heights.min())), max(0.0, float(heights.max()))
    room = (ROOM - 1) * (high - low or 1.0)
    axes.set_ylim(low - (room if low < 0 else 0), high + room)
    if shares.size <= MOST_NUMBERS:
        for place, (height, share) in enumerate(zip(heights, shares, strict=True)):
            _write(axes, place, height, _number(share, signed=True))
    axes.spines["bottom"].set_visible(False)


def _write(axes: Any, x: float, height: float, text: str) -> None:
    """A number at the end of a bar."""
    axes.annotate(
        text,
        (x, height),
        xytext=(0, 2 if height >= 0 else -2),
        textcoords="offset points",
        ha="center",
        va="bottom" if height >= 0 else "top",
        color=INK,
        fontsize=SMALL,
    )


def _number(value: float, digits: int = 3, signed: bool = False) -> str:
    """With the sign of mathematics for minus."""
    if np.isinf(value):
        return "∞"
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")
