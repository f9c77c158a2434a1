"""Bars: which share of the read rate each measure reaches, per form and dtype."""

import math

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import palette
from grid import KINDS, LONG
from kl_c import _kernels
from matrix_report import present

COLUMNS = 2
PANEL_HEIGHT = 1.9  # inches
READ_ALL = "nll, probs"  # but this one, which looks at one entry of a row


def draw(figure: Figure, found: dict) -> bool:
    if "matrix" not in found:
        return False
    shares = {
        (entry["measure"], entry["form"], entry["dtype"]): entry["figure"]
        for entry in present(found["matrix"])
        if entry.get("layout") == LONG.name and "np.dot" in entry["least"]
    }
    measures = [m for m in KINDS if any(key[0] == m for key in shares)]
    if not measures:
        return False
    rows = math.ceil(len(measures) / COLUMNS)
    figure.set_size_inches(figure.get_figwidth(), PANEL_HEIGHT * rows + 0.7)
    figure.suptitle(
        f"Speed as a share of merely reading the input (np.dot over the same bytes), {LONG.name}"
    )
    axes = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).ravel()
    goals = goals_of(found.get("latest"))
    for place, measure in zip(axes, measures, strict=False):
        panel(place, measure, shares, goals)
    for place in axes[len(measures) :]:
        place.set_visible(False)
    for place in axes[::COLUMNS]:
        place.set_ylabel("share of read rate")
    handles, labels = axes[0].get_legend_handles_labels()
    for style, label in (("solid", "must"), ("dotted", "aim")):
        handles.append(Line2D([], [], color=palette.RED, linestyle=style, linewidth=2))
        labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return True


def panel(axes, measure: str, shares: dict, goals: dict) -> None:
    forms = [f for f in _kernels.FORMS if any(key[:2] == (measure, f) for key in shares)]
    forms = [f for f in forms if f"{measure}, {f}" != READ_ALL]
    width = 0.8 / len(_kernels.DTYPES)
    for i, dtype in enumerate(_kernels.DTYPES):
        offset = (i - (len(_kernels.DTYPES) - 1) / 2) * width
        heights = [shares.get((measure, form, dtype), 0) for form in forms]
        places = [x + offset for x in range(len(forms))]
        axes.bar(places, heights, width * 0.9, color=palette.DTYPES[dtype], label=dtype)
        for x, form in zip(places, forms, strict=True):
            must, aim = goals.get((measure, form, dtype), (None, None))
            for goal, style in ((must, "solid"), (aim, "dotted")):
                if goal is not None:
                    axes.hlines(goal, x - width / 2, x + width / 2, palette.RED, style, lw=2)
    axes.set_title(measure)
    axes.axhline(1, color=palette.GREY, linewidth=1)
    axes.set_xticks(range(len(forms)), forms)
    axes.set_xlim(-0.5, len(_kernels.FORMS) - 0.5)  # bars of one width in every panel
    axes.grid(axis="x", visible=False)


def goals_of(table: dict | None) -> dict[tuple[str, ...], tuple[float, float | None]]:
    """Measure, form and dtype -> what the table asks of its share of the read rate."""
    if table is None:
        return {}
    return {
        tuple(entry["name"].split(", ")): (entry["must"], entry["aim"])
        for entry in table["lines"]
        if entry["unit"] == "of the read rate"
    }
