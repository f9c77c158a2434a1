"""What one comparison of two files comes to: the facts that the table and the JSON both state."""

import json
import math
import shlex
from typing import Any

from kl_c import _kernels
from kl_c._formats import RowFile
from kl_c.comparison import Comparison

__all__ = ["as_json", "report"]


def report(
    comparison: Comparison,
    base: RowFile,
    other: RowFile,
    labels: RowFile | None,
    arguments: list[str],
) -> dict[str, Any]:
    """The summary, and everything that a reader needs to compute it again."""
    config = _kernels.show_config()
    settings = comparison.settings
    return {
        "version": config["version"],
        "backend": config["backend"],
        "command": shlex.join(["kl-c", *arguments]),
        "p": base.facts(),
        "q": other.facts(),
        "labels": None if labels is None else labels.facts(),
        "form": settings.form,
        "temperature": settings.temperature,
        "eps": settings.eps,
        "invalid": settings.invalid,
        "base": settings.base,
        **comparison.summary(),
    }


def as_json(facts: dict[str, Any]) -> str:
    """Strict JSON. Numbers that are not finite become null; the counts beside them say why."""
    return json.dumps(_finite(facts), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
