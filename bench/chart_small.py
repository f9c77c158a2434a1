"""Bars: what one small call costs, and what an import costs."""

from matplotlib.figure import Figure

import palette
from grid import ONE_PAIR
from kl_c import _kernels
from matrix_report import fastest_of_each_library, present
from report import duration, tick

BAR = 0.32  # inches


def draw_calls(figure: Figure, found: dict) -> bool:
    """One pair of 16 in float64: np.add, every measure, and KL by everyone else."""
    entries = {entry["name"]: entry for entry in present(found.get("matrix", {"lines": []}))}
    where = f"probs, float64, {ONE_PAIR.name}"
    bars: dict[str, tuple[float, str]] = {}
    for entry in present(found.get("latest", {"lines": []})):
        if "np.add" in entry["least"]:
            time = entry["least"]["np.add"] / entry["calls"]
            bars["np.add, for comparison"] = time, palette.GREY
    for measure in _kernels.MEASURES:
        if entry := entries.get(f"{measure}, {where}"):
            time = entry["least"]["kl_c"] / entry["calls"]
            bars[f"kl_c.{measure}"] = time, palette.CONTESTANTS["kl_c"]
    if duel := entries.get(f"kl_divergence, {where}, peers"):
        for library, name in fastest_of_each_library(duel).items():
            if library != "kl_c":
                time = duel["least"][name] / duel["calls"]
                bars[f"{library}: KL divergence"] = time, palette.CONTESTANTS[library]
    title = "One call on float64 arrays of 16 outcomes, checks included"
    return drawn(figure, bars, title)


def draw_imports(figure: Figure, found: dict) -> bool:
    bars: dict[str, tuple[float, str]] = {}
    for entry in present(found.get("latest", {"lines": []})):
        for name, least in entry["least"].items():
            if name.startswith("import "):
                ours = name == "import kl_c"
                beyond = name.removeprefix("import ")
                label = beyond if beyond == "numpy" else f"{beyond}, after numpy"
                bars[label] = least, palette.CONTESTANTS["kl_c"] if ours else palette.GREY
    ordered = dict(sorted(bars.items(), key=lambda item: item[1][0]))
    return drawn(figure, ordered, "Time of an import, in a new process")


def drawn(figure: Figure, bars: dict, title: str) -> bool:
    """One horizontal bar each, from the top down, its time written behind it."""
    if not bars:
        return False
    figure.set_size_inches(figure.get_figwidth(), BAR * len(bars) + 1.0)
    axes = figure.subplots()
    times, colours = zip(*bars.values(), strict=True)
    places = axes.barh(range(len(bars)), times, color=colours)
    axes.bar_label(places, [duration(x) for x in times], padding=4)
    axes.set_yticks(range(len(bars)), list(bars))
    axes.set_xscale("log")
    axes.set_xlim(min(times) / 3, max(times) * 4)  # room for the figures
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(tick)
    axes.set_xlabel("time (logarithmic)")
    axes.set_title(title)
    axes.grid(axis="y", visible=False)
    return True
