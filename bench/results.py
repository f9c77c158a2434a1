"""What a run found, as data: one entry per line, every sample kept, written as strict JSON."""

import json
import os
import re
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent


def summed_up(name: str, processes: list[dict]) -> dict:
    """The entry of one line: the median over the processes, and all they found."""
    for process in processes:
        if "absent" in process:
            return {"name": name, "absent": process["absent"]}
    first = processes[0]
    figures = [process["figure"] for process in processes]
    return {
        "name": name,
        **first["facts"],
        "figure": median(figures),
        "figures": figures,
        "unit of samples": first["unit"],
        "least": {
            contestant: median(min(process["samples"][contestant]) for process in processes)
            for contestant in first["samples"]
        },
        "relative error": {
            contestant: worst(process["errors"][contestant] for process in processes)
            for contestant in first["errors"]
        },
        "samples": [process["samples"] for process in processes],
    }


def worst(errors) -> float | None:
    """The largest, or None where an answer was no number."""
    errors = list(errors)
    return None if None in errors else max(errors)


def place(suite: str, *, quick: bool = False, part: bool = False) -> Path:
    """A part or a trial never stands where a full run is looked for."""
    folder = "quick" if quick else "part" if part else "."
    return HERE / "results" / folder / f"{suite}.json"


def read(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def write(result: dict, path: Path) -> None:
    """A list of samples on one line; complete or not there at all."""
    written = json.dumps(result, indent=1, allow_nan=False)
    written = re.sub(r"\[[\d\s,.e+-]+\]", lambda x: re.sub(r"\s+", " ", x.group()), written)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(written + "\n")
    os.replace(temporary, path)
