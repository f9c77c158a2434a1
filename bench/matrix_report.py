"""The matrix as text and as the cells of a document's tables."""

from collections import Counter
from collections.abc import Iterable

import report
from grid import KINDS, LAYOUTS
from kl_c import _kernels
from peers import LIBRARIES, library_of

READ_RATE = "np.dot"  # what the cells are compared with


def text(result: dict) -> str:
    entries = present(result)
    rows: list[tuple[str, ...]] = [
        ("", "time", "G outcomes/s", "GB/s", "of the read rate", "relative error")
    ]
    for entry in entries:
        if READ_RATE in entry["least"]:
            rows.append((entry["name"], *speeds(entry), report.shown_error(error_of(entry))))
    duels: list[tuple[str, ...]] = [("", "time", "x our time", "relative error")]
    for entry in entries:
        if READ_RATE not in entry["least"]:
            duels.append((entry["name"], "", "", ""))
            duels += [(f"  {name}", *cells) for name, *cells in contestants(entry)]
    parts = [report.aligned(part) for part in (rows, duels) if len(part) > 1]
    reasons = [*absent_libraries(entries), *absent_lines(result)]
    return "\n\n".join([*parts, *([f"absent: {', '.join(reasons)}"] if reasons else [])])


def present(result: dict) -> list[dict]:
    return [entry for entry in result["lines"] if "absent" not in entry]


def speeds(entry: dict) -> tuple[str, str, str, str]:
    ours = entry["least"]["kl_c"] / entry["calls"]  # ns
    rate, memory = entry["elements"] / ours, entry["bytes"] / ours
    numbers = (report.number(x) for x in (rate, memory, entry["figure"]))
    return report.duration(ours), *numbers


def error_of(entry: dict) -> float | None:
    return entry["relative error"]["kl_c"]


def contestants(entry: dict) -> Iterable[tuple[str, str, str, str]]:
    """Name, time, ratio to ours and error, ours first and the others from fast to slow."""
    least = entry["least"]
    for name in sorted(least, key=lambda x: (x != "kl_c", least[x])):
        yield (
            name,
            report.duration(least[name] / entry["calls"]),
            report.number(least[name] / least["kl_c"]),
            report.shown_error(entry["relative error"][name]),
        )


def absent_libraries(entries: Iterable[dict]) -> list[str]:
    missing = {name for entry in entries for name in entry.get("absent libraries", ())}
    return [name for name in LIBRARIES if name in missing]


def absent_lines(result: dict) -> list[str]:
    """What whole lines lack, each once, and how many lines."""
    counts = Counter(entry["absent"] for entry in result["lines"] if "absent" in entry)
    return [f"{reason} (for {count} lines)" for reason, count in counts.items()]


def fastest_of_each_library(entry: dict) -> dict[str, str]:
    """Library -> the name of its fastest expression."""
    best: dict[str, str] = {}
    for name in sorted(entry["least"], key=entry["least"].get):
        best.setdefault(library_of(name), name)
    return best


def tables(result: dict) -> Iterable[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, head and rows of each layout's table, then of each layout's duels."""
    entries = {entry["name"]: entry for entry in present(result)}
    for layout in LAYOUTS:
        unit = "time, us" if layout.one_pair else "share of the read rate (G outcomes/s)"
        rows = []
        for measure in KINDS:
            for form in _kernels.FORMS:
                found = [
                    entries.get(f"{measure}, {form}, {dtype}, {layout.name}")
                    for dtype in _kernels.DTYPES
                ]
                if any(found):
                    cells = (cell(entry, one_pair=layout.one_pair) for entry in found)
                    rows.append((f"`{measure}`, {form}", *cells))
        if rows:
            yield f"{layout.name}: {unit}", (layout.name, *_kernels.DTYPES), rows


def cell(entry: dict | None, *, one_pair: bool) -> str:
    if entry is None:
        return ""
    ours = entry["least"]["kl_c"] / entry["calls"]
    if one_pair:
        return report.number(ours / 1000)
    return f"{entry['figure']:.2f} ({report.number(entry['elements'] / ours)})"


def duel_rows(result: dict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows: our time, then how many times longer the best of each library takes."""
    rows = []
    for entry in present(result):
        if READ_RATE not in entry["least"]:
            best = fastest_of_each_library(entry)
            name = entry["name"].removesuffix(", peers")
            rows.append((name, *(against(entry, best.get(x)) for x in ("kl_c", *LIBRARIES))))
    return ("", "kl_c", *LIBRARIES), rows


def against(entry: dict, name: str | None) -> str:
    """A contestant's share of our time, for ours the time itself, and the error in brackets."""
    if name is None:
        return ""
    least = entry["least"]
    error = report.shown_error(entry["relative error"][name])
    if name == "kl_c":
        return f"{report.duration(least[name] / entry['calls'])} ({error})"
    return f"{report.number(least[name] / least['kl_c'])} ({error})"
