"""Draws the pictures of the pages that need no measurement.

    python -P docs/make_pictures.py [DIRECTORY]

Without a directory they are written beside this file. The same version of matplotlib writes the
same bytes.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kl_c import plots
from kl_c._pictures.style import save


def contributions() -> Any:
    """The fair coin against one that shows heads nine times in ten."""
    return plots.contributions([0.5, 0.5], [0.9, 0.1], labels=["heads", "tails"]).figure


PICTURES: dict[str, Callable[[], Any]] = {
    "contributions": contributions,
    "forward-reverse": plots.forward_reverse,
}


def main(directory: Path) -> None:
    for name, draw in PICTURES.items():
        path = directory / f"{name}.png"
        save(draw(), path)
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
