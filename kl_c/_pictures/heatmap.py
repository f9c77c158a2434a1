"""A matrix of all pairs, with rows that resemble each other side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._pictures.colours import BLUE, FAINT, INK, SKY
from kl_c._pictures.style import SMALL, plain

__all__ = ["by_similarity", "checked", "draw_matrix"]

MOST_NUMBERS = 12  # rows of a matrix whose numbers can be read
MOST_NAMES = 40  # rows whose names can
SHADES = ("#FFFFFF", SKY, BLUE, "#00243A")  # ever darker, also without colour
DARK = 0.5  # of the largest number: from there on numbers are white


def checked(matrix: Any) -> NDArray[np.float64]:
    """The matrix, or what is wrong with it."""
    found: NDArray[np.float64] = np.asarray(matrix, dtype=np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not found.size:
        raise ValueError(f"matrix must be square, of the pairs of one set, got shape {found.shape}")
    wrong = np.argwhere(~((found >= 0) & np.isfinite(found)))
    if wrong.size:
        row, column = wrong[0]
        raise ValueError(
            f"matrix must hold finite numbers of 0 or more, got {found[row, column]:g} in "
            f"row {row}, column {column}"
        )
    return found


def by_similarity(matrix: NDArray[np.float64]) -> NDArray[np.intp]:
    """An order of the rows: leaves of a tree of averages, turned so that neighbours are near."""
    count = len(matrix)
    if count < 3:
        return np.arange(count)
    from scipy.cluster.hierarchy import leaves_list, linkage

    both = (matrix + matrix.T) / 2  # a tree has no direction
    tree = linkage(both[np.triu_indices(count, 1)], "average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), np.intp)


def draw_matrix(axes: Any, matrix: NDArray[np.float64], names: Sequence[str], words: str) -> None:
    """Shades with their scale, names, and numbers where there is room for them."""
    from matplotlib.colors import LinearSegmentedColormap

    top = float(matrix.max()) or 1.0
    shades = LinearSegmentedColormap.from_list("kl_c", SHADES)
    image = axes.imshow(matrix, cmap=shades, vmin=0, vmax=top)
    axes.set_title(words, loc="left", color=INK, fontsize=SMALL, pad=10)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK, labelsize=SMALL)
    axes.grid(visible=False)
    places = range(len(names)) if len(names) <= MOST_NAMES else []
    shown = [plain(name) for name in names] if places else []
    axes.set_xticks(places, shown, rotation=90 if max(map(len, shown), default=0) > 3 else 0)
    axes.set_yticks(places, shown)
    scale = axes.figure.colorbar(image, ax=axes, shrink=0.85)
    scale.outline.set_visible(False)
    scale.ax.tick_params(colors=FAINT, labelsize=SMALL)
    if len(names) > MOST_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(matrix):
        axes.text(
            column,
            row,
            f"{value:.2g}",
            ha="center",
            va="center",
            fontsize=SMALL - 3,
            color="white" if value > DARK * top else INK,
        )
