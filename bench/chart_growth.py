"""Lines: how time grows with outcomes, rows and files, on logarithmic axes."""

from collections.abc import Iterable

from matplotlib.figure import Figure

import palette
from duels import TOLERATED
from growth_report import curve, series_of
from peers import library_of
from report import tick

WORKERS = {
    "np.dot": (palette.GREY, ""),
    "reading both": (palette.GREY, ""),
    "workers=1": (palette.BLUE, "o"),
    "workers=2": (palette.ORANGE, "s"),
}


def draw_outcomes(figure: Figure, found: dict) -> bool:
    """Time of one row against its length, ours and the best of each library."""
    series = series_of(found.get("growth", {"lines": []}))
    series = {name: x for name, x in series.items() if name.startswith("one row")}
    if not series:
        return False
    figure.set_size_inches(figure.get_figwidth(), 4.6)
    figure.suptitle("KL divergence of one row against its number of outcomes")
    places = figure.subplots(1, len(series), sharey=True, squeeze=False)[0]
    labels = {}
    for axes, (name, entries) in zip(places, series.items(), strict=True):
        for library, points in best_curves(entries).items():
            (line,) = axes.loglog(
                *zip(*points, strict=True),
                color=palette.CONTESTANTS[library],
                marker=palette.MARKS[library],
                markersize=4,
                linewidth=2.5 if library == "kl_c" else 1.2,
                linestyle=":" if library == "np.dot" else "-",
                zorder=3 if library == "kl_c" else 2,
            )
            labels[library] = line
        axes.set_title(name.removeprefix("one row, "))
        axes.set_xlabel("outcomes")
        axes.set_xscale("log", base=2)
        axes.yaxis.set_major_formatter(tick)
    places[0].set_ylabel("time of a call")
    far = far_off(x for entries in series.values() for x in entries)
    names = [x for x in palette.CONTESTANTS if x in labels]
    notes = {"np.dot": " (reading)"} | dict.fromkeys(far, f" (error over {TOLERATED:.1%})")
    figure.legend(
        [labels[x] for x in names],
        [x + notes.get(x, "") for x in names],
        loc="outside lower center",
        ncols=5,
    )
    return True


def far_off(entries: Iterable[dict]) -> set[str]:
    """Libraries that somewhere give an answer too far off to compare with."""
    return {
        library_of(name)
        for entry in entries
        for name, error in entry["relative error"].items()
        if error is None or error > TOLERATED
    }


def best_curves(entries: list[dict]) -> dict[str, list[tuple[int, float]]]:
    """Library -> size and least time of any of its expressions."""
    curves: dict[str, dict[int, float]] = {}
    for entry in entries:
        for name in entry["least"]:
            ((size, time),) = curve([entry], name)
            known = curves.setdefault(library_of(name), {})
            known[size] = min(time, known.get(size, time))
    return {library: sorted(points.items()) for library, points in curves.items()}


def draw_rows_and_files(figure: Figure, found: dict) -> bool:
    """Time against rows, for each length of row, and against the size of files, with memory."""
    rows = series_of(found.get("growth", {"lines": []}))
    rows = {name: x for name, x in rows.items() if name.startswith("rows of")}
    files = series_of(found.get("files", {"lines": []}))
    if not rows and not files:
        return False
    panels = [(name, entries, "rows") for name, entries in rows.items() if len(entries) > 1]
    for name, entries in files.items():
        panels += [(name, entries, "GB in each file"), (name, entries, "memory")]
    figure.set_size_inches(figure.get_figwidth(), 3.0 * -(-len(panels) // 2) + 0.6)
    figure.suptitle("Time and memory as the work grows, one thread and two")
    places = figure.subplots(-(-len(panels) // 2), 2, squeeze=False).ravel()
    for axes, (name, entries, grows) in zip(places, panels, strict=False):
        axes.set_title(name)
        if grows == "memory":
            memory(axes, entries)
        else:
            times(axes, entries, grows)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return True


def times(axes, entries: list[dict], grows: str) -> None:
    for contestant in entries[-1]["least"]:
        colour, mark = WORKERS[contestant]
        sizes, measured = zip(*curve(entries, contestant), strict=True)
        axes.loglog(sizes, measured, color=colour, marker=mark, label=contestant, markersize=4)
    axes.set_xticks([entry["size"] for entry in entries], [entry["size"] for entry in entries])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(tick)
    axes.yaxis.set_minor_formatter(lambda x, _place: "")
    axes.set_xlabel(grows)
    axes.set_ylabel("time")
    axes.legend()


def memory(axes, entries: list[dict]) -> None:
    for contestant in entries[-1]["peak"]:
        colour, mark = WORKERS[contestant]
        sizes = [entry["size"] for entry in entries]
        peaks = [max(entry["peak"][contestant]) / 2**20 for entry in entries]
        axes.plot(sizes, peaks, color=colour, marker=mark, label=contestant, markersize=4)
    axes.set_xlabel("GB in each file")
    axes.set_ylabel("peak memory, MiB")
    axes.set_ylim(bottom=0)
    axes.legend()
