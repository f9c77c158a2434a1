"""The picture: how the per-token KL of the copies is distributed, on a logarithmic axis."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kl_c import _pictures
from kl_c._pictures.curves import Curve, Run

__all__ = ["draw"]

TITLE = "What rounding the weights does to a language model"


def draw(path: Path, kl: Mapping[int, NDArray[np.float64]]) -> None:
    """Write the distributions of ``kl``, per token in nats for each number of bits, to ``path``.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    curves = [
        Curve(f"{bits} bits", bits, np.nan, np.nan, np.nan, scores, [], [])
        for bits, scores in kl.items()
    ]
    _pictures.draw("distribution", path, Run(curves, "nats", "bits per weight", TITLE, "word"))
