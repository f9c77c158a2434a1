"""What a run comes to: the facts that the tables and the JSON both state.

What all candidates share stands outside, what is of one in a list; ``of_one`` puts them together.
The JSON is described in ``score.schema.json`` beside this file.
"""

import json
import math
import shlex
import warnings
from collections.abc import Sequence
from typing import Any

from kl_c import _kernels
from kl_c._cli.candidates import Candidate
from kl_c._cli.clipping import clipping
from kl_c._cli.floors import Floors
from kl_c._cli.intervals import add_differences, intervals_of
from kl_c._cli.resolution import resolution
from kl_c._cli.scoring import Reading
from kl_c._cli.sides import OPTIONS, Sides
from kl_c._formats import RowFile
from kl_c._formats.rows import token_hash
from kl_c.comparison import Comparison

__all__ = ["SCHEMA", "as_json", "of_one", "report"]

SCHEMA = 1  # of the JSON: another number, another meaning


def report(
    base: RowFile,
    candidates: Sequence[Candidate],
    sides: Sides,
    reading: Reading,
    arguments: list[str],
) -> dict[str, Any]:
    """The summaries, and everything that a reader needs to compute them again."""
    config = _kernels.show_config()
    settings = candidates[0].comparison.settings  # the same for all, but for the form of q
    found = [_facts(candidate, base, reading.floors) for candidate in candidates]
    add_differences(found, candidates)
    return {
        "schema": SCHEMA,
        "version": config["version"],
        "backend": config["backend"],
        "command": shlex.join(["kl-c", *arguments]),
        "partial": None if reading.rows == base.rows else {"rows": reading.rows, "of": base.rows},
        "p": base.facts() | reading.floors.facts(),
        **{name: sides.files[name].facts() if name in sides.files else None for name in OPTIONS},
        "token_hash": None if sides.labels is None else token_hash(sides.labels),
        "temperature": settings.temperature,
        "eps": settings.eps,
        "invalid": settings.invalid,
        "base": settings.base,
        "unit": candidates[0].comparison.unit,
        "k": settings.k,
        "outcomes": settings.outcomes,
        "candidates": found,
    }


def of_one(facts: dict[str, Any], candidate: dict[str, Any]) -> dict[str, Any]:
    """One candidate's facts together with those that it shares."""
    return {**facts, **candidate}


def _facts(candidate: Candidate, base: RowFile, floors: Floors) -> dict[str, Any]:
    comparison = candidate.comparison
    summary = _summary(comparison)
    del summary["unit"]  # one for all
    mean_kl = summary["statistics"]["kl"]["mean"]
    return {
        "name": candidate.name,
        "size": None if candidate.size is None else {candidate.size.unit: candidate.size.value},
        "q": candidate.file.facts() | candidate.floors.facts(),
        "form": comparison.settings.form,
        "resolution": resolution(comparison, base, candidate.file, mean_kl),
        "clipping": clipping(comparison._columns(), comparison.settings, floors, candidate.floors),
        **summary,
        "intervals": intervals_of(comparison, summary),
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
