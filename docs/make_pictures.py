"""Draws the pictures of the pages that need no measurement.

    python -P docs/make_pictures.py [DIRECTORY]

Without a directory they are written beside this file. The same version of matplotlib writes the
same bytes.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kl_c
from kl_c import plots
from kl_c._pictures.style import save


def contributions() -> Any:
    """The fair coin against one that shows heads nine times in ten."""
    return plots.contributions([0.5, 0.5], [0.9, 0.1], labels=["heads", "tails"]).figure


def pairwise_heatmap() -> Any:
    """Twelve texts of 300 words of three topics, in no order."""
    rng = np.random.default_rng(5)
    topics = rng.dirichlet(np.full(40, 0.4), size=3)
    which = rng.permutation(np.arange(12) % 3)
    words = [rng.multinomial(300, 0.8 * topics[i] + 0.2 / 40) for i in which]
    matrix = kl_c.pairwise(words, measure="js_distance", form="counts", base=2)
    labels = [f"{'ABC'[topic]}{number}" for number, topic in enumerate(which, 1)]
    title = "Jensen-Shannon distance of 12 texts"
    return plots.pairwise_heatmap(matrix, labels=labels, title=title).figure


PICTURES: dict[str, Callable[[], Any]] = {
    "contributions": contributions,
    "forward-reverse": plots.forward_reverse,
    "pairwise-heatmap": pairwise_heatmap,
}


def main(directory: Path) -> None:
    for name, draw in PICTURES.items():
        path = directory / f"{name}.png"
        save(draw(), path)
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
