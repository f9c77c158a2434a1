"""What a run found: one entry per line of the table, as text and as JSON."""

import json
import os
import re
from pathlib import Path
from statistics import median

from cases import Line


def summed_up(line: Line, processes: list[dict], *, judged: bool) -> dict:
    """The entry of one line: the median over the processes, and all they found."""
    entry: dict = {
        "name": line.name,
        "unit": line.unit,
        "must": line.must,
        "aim": line.aim,
        "lower is better": line.lower_is_better,
    }
    if absent := processes[0].get("absent"):
        return entry | {"absent": absent}
    figures = [process["figure"] for process in processes]
    figure = median(figures)
    entry["figure"] = figure
    entry["met"] = line.verdict(figure) if judged else "not judged"
    entry["figures"] = figures
    entry["unit of samples"] = processes[0]["unit"]
    entry["least"] = {
        contestant: median(min(process["samples"][contestant]) for process in processes)
        for contestant in processes[0]["samples"]
    }
    entry["relative error"] = {
        contestant: max(process["errors"][contestant] for process in processes)
        for contestant in processes[0]["errors"]
    }
    entry["samples"] = [process["samples"] for process in processes]
    return entry


def text(result: dict) -> str:
    rows: list[tuple[str, ...]] = [("", "measured", "least .. most", "must", "aim", "met", "unit")]
    details: list[tuple[str, ...]] = [("", "least time", "relative error")]
    for entry in result["lines"]:
        rows.append(row(entry))
        if "absent" not in entry and entry["unit of samples"] == "ns":
            details.append((entry["name"], "", ""))
            details += [detail(entry, contestant) for contestant in entry["least"]]
    return "\n\n".join([aligned(rows), aligned(details), foot(result)])


def row(entry: dict) -> tuple[str, ...]:
    goals = goal(entry["must"]), goal(entry["aim"])
    if "absent" in entry:
        return entry["name"], "", "", *goals, f"absent: {entry['absent']}", entry["unit"]
    spread = " .. ".join(number(x) for x in (min(entry["figures"]), max(entry["figures"])))
    figure = number(entry["figure"])
    return entry["name"], figure, spread, *goals, entry["met"], entry["unit"]


def detail(entry: dict, contestant: str) -> tuple[str, str, str]:
    error = entry["relative error"].get(contestant)
    shown = "" if error is None else f"{error:.1e}"
    return f"  {contestant}", f"{entry['least'][contestant] / 1e6:.3f} ms", shown


def goal(value: float | None) -> str:
    return "the memory's limit" if value is None else f"{value:g}"


def number(value: float) -> str:
    """Three digits, as far as figures repeat."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def foot(result: dict) -> str:
    machine, versions, built = result["machine"], result["versions"], result["kl_c"]
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    packages = ", ".join(f"{name} {value or 'absent'}" for name, value in versions.items())
    scale = result["scale"]
    return "\n".join(
        [
            f"{machine['processor']}, {machine['CPUs']} CPUs, {caches}; {machine['system']}",
            f"{packages}; BLAS {result['BLAS']}; NumPy uses {result['SIMD of NumPy']}",
            f"backend {built['backend']}, {built['compiler']}, commit {result['commit']}; "
            f"{scale['processes']} processes, {scale['rows']} x {scale['outcomes']}",
            f"programs that wanted to run: {result['load before']} before, "
            f"{result['load after']} after (1 is this one)",
        ]
    )


def aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def write(result: dict, path: Path) -> None:
    """Strict JSON, a list of samples on one line; complete or not there at all."""
    written = json.dumps(result, indent=1, allow_nan=False)
    written = re.sub(r"\[[\d\s,.e+-]+\]", lambda x: re.sub(r"\s+", " ", x.group()), written)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(written + "\n")
    os.replace(temporary, path)
