"""What one comparison of two files comes to: the facts that the table and the JSON both state."""

import json
import math
import shlex
import warnings
from typing import Any

from kl_c import _kernels
from kl_c._cli.npy import NpyFile
from kl_c._cli.sides import OPTIONS, Sides
from kl_c.comparison import Comparison

__all__ = ["as_json", "report"]


def report(
    comparison: Comparison,
    base: NpyFile,
    other: NpyFile,
    sides: Sides,
    arguments: list[str],
) -> dict[str, Any]:
    """The summary, and everything that a reader needs to compute it again."""
    config = _kernels.show_config()
    settings = comparison.settings
    return {
        "version": config["version"],
        "backend": config["backend"],
        "command": shlex.join(["kl-c", *arguments]),
        "p": _file(base),
        "q": _file(other),
        **{name: _file(sides.files[name]) if name in sides.files else None for name in OPTIONS},
        "form": settings.form,
        "temperature": settings.temperature,
        "eps": settings.eps,
        "invalid": settings.invalid,
        "base": settings.base,
        "k": settings.k,
        "outcomes": settings.outcomes,
        **_summary(comparison),
    }


def _summary(comparison: Comparison) -> dict[str, Any]:
    with warnings.catch_warnings():  # the foot of the table says it
        warnings.simplefilter("ignore", UserWarning)
        return comparison.summary()


def as_json(facts: dict[str, Any]) -> str:
    """Strict JSON. Numbers that are not finite become null; the counts beside them say why."""
    return json.dumps(_finite(facts), indent=2, allow_nan=False) + "\n"


def _file(file: NpyFile) -> dict[str, Any]:
    return {"path": file.path, "shape": list(file.shape), "dtype": str(file.dtype)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
