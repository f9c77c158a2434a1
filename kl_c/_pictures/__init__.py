"""Pictures of a run: what they are called, and how one is written to a file.

`curves` holds what is drawn, `distribution` and `against` draw it, `style` is how all of them look.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kl_c._pictures import against, distribution
from kl_c._pictures.curves import Run
from kl_c._pictures.style import ENDINGS, save

__all__ = ["ENDINGS", "PICTURES", "draw", "figure_of"]

# Each draws one figure of a run, or returns why there is none.
PICTURES: dict[str, Callable[[Run], Any]] = {
    "distribution": distribution.draw,
    "size": against.draw_size,
    "confidence": against.draw_confidence,
    "position": against.draw_position,
}


def figure_of(picture: str, run: Run) -> Any:
    """A matplotlib figure, or a text: what is lacking.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    return PICTURES[picture](run)


def draw(picture: str, path: Path, run: Run) -> str | None:
    """Write one picture in the format of the path's ending; or return what is lacking for it."""
    figure = figure_of(picture, run)
    if isinstance(figure, str):
        return figure
    save(figure, path)
    return None
