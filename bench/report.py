"""The table of a run as text: each line with its goals, and the times and errors behind it."""

from collections.abc import Callable

from cases import LINES, Line

LIMIT_OF = {line.name: line.limit for line in LINES}


def judged(line: Line, entry: dict, *, quick: bool) -> dict:
    """The entry with what its figure must reach, and whether it does."""
    goals = {
        "unit": line.unit,
        "must": line.must,
        "aim": line.aim,
        "lower is better": line.lower_is_better,
    }
    if "absent" in entry:
        return entry | goals
    return entry | goals | {"met": "not judged" if quick else line.verdict(entry["figure"])}


def text(result: dict) -> str:
    rows: list[tuple[str, ...]] = [("", "measured", "least .. most", "must", "aim", "met", "unit")]
    details: list[tuple[str, ...]] = [("", "least time", "relative error")]
    for entry in result["lines"]:
        rows.append(row(entry))
        if "absent" not in entry and entry["unit of samples"] == "ns":
            details.append((entry["name"], "", ""))
            details += [detail(entry, contestant) for contestant in entry["least"]]
    below = [("below its aim", "limited by"), *limits(result)]
    return "\n\n".join(aligned(part) for part in (rows, details, below) if len(part) > 1)


def row(entry: dict) -> tuple[str, ...]:
    judged_at_all = entry["must"] is not None
    goals = (goal(entry["must"]), goal(entry["aim"])) if judged_at_all else ("", "")
    if "absent" in entry:
        return entry["name"], "", "", *goals, f"absent: {entry['absent']}", entry["unit"]
    spread = " .. ".join(number(x) for x in (min(entry["figures"]), max(entry["figures"])))
    figure = number(entry["figure"])
    return entry["name"], figure, spread, *goals, entry["met"], entry["unit"]


def detail(entry: dict, contestant: str) -> tuple[str, str, str]:
    error = entry["relative error"].get(contestant, "")
    least = entry["least"][contestant] / entry.get("calls", 1)
    return f"  {contestant}", duration(least), shown_error(error)


def limits(result: dict) -> list[tuple[str, str]]:
    """Every judged line below its aim, and what keeps it there."""
    return [
        (entry["name"], LIMIT_OF.get(entry["name"]) or "not said yet")
        for entry in result["lines"]
        if entry.get("met") in ("must", "no") and entry["aim"] is not None
    ]


def shown_error(error: float | str | None) -> str:
    if error is None:
        return "no number"
    return error if isinstance(error, str) else f"{error:.1e}"


def goal(value: float | None) -> str:
    return "the memory's limit" if value is None else f"{value:g}"


def number(value: float) -> str:
    """Three digits, as far as figures repeat."""
    return f"{value:#.3g}".rstrip(".") if value < 1000 else f"{value:.0f}"


def duration(nanoseconds: float, shown: Callable[[float], str] = number) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{shown(nanoseconds / size)} {unit}"
    return f"{shown(nanoseconds)} ns"


def tick(nanoseconds: float, _place: int) -> str:
    """A round duration, for an axis."""
    return duration(nanoseconds, "{:g}".format)


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
