"""What one comparison of two files comes to: the facts that the table and the JSON both state."""

import json
import math
import shlex
import warnings
from typing import Any

from kl_c import _kernels
from kl_c._cli.floors import Floors
from kl_c._cli.resolution import resolution
from kl_c._cli.sides import OPTIONS, Sides
from kl_c._formats import RowFile
from kl_c._formats.rows import token_hash
from kl_c.comparison import Comparison

__all__ = ["as_json", "report"]


def report(
    comparison: Comparison,
    base: RowFile,
    other: RowFile,
    sides: Sides,
    floors: dict[str, Floors],
    arguments: list[str],
) -> dict[str, Any]:
    """The summary, and everything that a reader needs to compute it again."""
    config = _kernels.show_config()
    settings = comparison.settings
    summary = _summary(comparison)
    mean_kl = summary["statistics"]["kl"]["mean"]
    return {
        "version": config["version"],
        "backend": config["backend"],
        "command": shlex.join(["kl-c", *arguments]),
        "p": base.facts() | floors["p"].facts(),
        "q": other.facts() | floors["q"].facts(),
        **{name: sides.files[name].facts() if name in sides.files else None for name in OPTIONS},
        "token_hash": None if sides.labels is None else token_hash(sides.labels),
        "form": settings.form,
        "temperature": settings.temperature,
        "eps": settings.eps,
        "invalid": settings.invalid,
        "base": settings.base,
        "k": settings.k,
        "outcomes": settings.outcomes,
        "resolution": resolution(comparison, base, other, mean_kl),
        **summary,
    }


def _summary(comparison: Comparison) -> dict[str, Any]:
    with warnings.catch_warnings():  # the foot of the table says it
        warnings.simplefilter("ignore", UserWarning)
        return comparison.summary()


def as_json(facts: dict[str, Any]) -> str:
    """Strict JSON. Numbers that are not finite become null; the counts beside them say why."""
    return json.dumps(_finite(facts), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
