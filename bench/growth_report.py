"""How the times of a growing series bend: the slope of log time over log size, and why."""

import math
from collections.abc import Iterable

import files
import report
from growth import SERIES

LARGE_END = 10  # the slope is taken over sizes down to this fraction of the largest
LINEAR = (0.9, 1.1)
NOTES = {series.name: series.note for series in SERIES} | {files.SERIES: files.NOTE}


def text(result: dict) -> str:
    points: list[tuple[str, ...]] = [("", "", "time", "ns an outcome", "peak memory")]
    for entry in result["lines"]:
        if "absent" in entry:
            points.append((entry["name"], f"absent: {entry['absent']}", "", "", ""))
            continue
        for name, least in entry["least"].items():
            time = least / entry["calls"]
            each = report.number(time / entry["elements"])
            points.append((entry["name"], name, report.duration(time), each, peak(entry, name)))
    head, rows = slopes(result)
    return "\n\n".join([report.aligned(points), report.aligned([head, *rows])])


def peak(entry: dict, contestant: str) -> str:
    found = entry.get("peak", {}).get(contestant)
    return f"{max(found) / 2**20:.0f} MiB" if found else ""


def series_of(result: dict) -> dict[str, list[dict]]:
    """Series -> its entries, from small to large."""
    found: dict[str, list[dict]] = {}
    for entry in result["lines"]:
        if "absent" not in entry:
            found.setdefault(entry["series"], []).append(entry)
    return found


def curve(entries: Iterable[dict], contestant: str) -> list[tuple[int, float]]:
    """Size and nanoseconds of a call."""
    return [
        (entry["size"], entry["least"][contestant] / entry["calls"])
        for entry in entries
        if contestant in entry["least"]
    ]


def slopes(result: dict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """One row per series and contestant that belongs to the library."""
    rows = []
    for name, entries in series_of(result).items():
        for contestant in entries[0]["least"]:
            if not contestant.startswith(("kl_c", "workers")):
                continue
            points = curve(entries, contestant)
            (small, first), (large, last) = points[0], points[-1]
            grows = entries[0]["grows"]
            slope = slope_at_large_end(points)
            growth = verdict(slope)
            rows.append(
                (
                    name,
                    contestant,
                    f"{report.duration(first)} at {small} {grows}",
                    f"{report.duration(last)} at {large} {grows}",
                    "" if slope is None else f"{slope:.2f}",
                    growth,
                    peaks(entries, contestant),
                    "" if growth == "linear" else NOTES[name],
                )
            )
    head = ("", "", "smallest", "largest", "slope", "growth", "peak memory", "why")
    return head, rows


def slope_at_large_end(points: list[tuple[int, float]]) -> float | None:
    """Least squares through the logarithms; 1 is linear."""
    largest = points[-1][0]
    end = [(math.log(x), math.log(y)) for x, y in points if x * LARGE_END >= largest]
    if len(end) < 2:
        return None
    mean_x, mean_y = (sum(column) / len(end) for column in zip(*end, strict=True))
    above = sum((x - mean_x) * (y - mean_y) for x, y in end)
    return above / sum((x - mean_x) ** 2 for x, _ in end)


def verdict(slope: float | None) -> str:
    if slope is None:
        return "one size only"
    low, high = LINEAR
    if slope > high:
        return "more than linear"
    return "linear" if slope >= low else "less than linear"


def peaks(entries: list[dict], contestant: str) -> str:
    found = [peak(entry, contestant) for entry in (entries[0], entries[-1])]
    return " .. ".join(found) if all(found) else ""
