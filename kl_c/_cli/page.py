"""``--report``: everything that was found as one page that needs nothing else.

The page is small enough to be put together here: a template engine would be one more thing to
install, and every text goes through ``html.escape`` in one function either way.
"""

import base64
from html import escape
from typing import Any

from kl_c._cli.foot import cautions_of, origin_of
from kl_c._cli.layout import Table
from kl_c._cli.tables import head_and_tables
from kl_c._pictures import PICTURES, figure_of
from kl_c._pictures.curves import Run
from kl_c._pictures.style import as_svg

__all__ = ["as_page"]

# What a picture shows, for those who do not see it; the tables have its figures.
SHOWS = {
    "distribution": "Histograms of the KL divergence of single rows on a logarithmic axis.",
    "size": "The mean KL divergence against the size of each candidate.",
    "confidence": "The mean KL divergence by the probability of the base's likeliest outcome.",
    "position": "The mean KL divergence along position.",
}

# Nothing may be fetched, should a text that was not foreseen ask for it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #595959; --line: #ddd; --page: #fff;
  --note: #fff4e0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --faint: #a8a8a8; --line: #444; --page: #181818; --note: #3a2f18 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; color: var(--ink); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; line-height: 1.25 }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
ul { list-style: none; margin: 0; padding: 0 }
.note { background: var(--note); border-radius: .4rem; padding: .5rem .8rem; margin: 1rem 0 }
.origin { color: var(--faint); font-size: .85rem }
.wide { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap }
th:first-child { text-align: left; padding-left: 0; position: sticky; left: 0;
  white-space: normal; min-width: min(7rem, 30vw); max-width: 40vw; overflow-wrap: break-word;
  background: var(--page) }
thead th { border-bottom: 2px solid var(--line) }
tbody th { font-weight: 500 }
tbody tr + tr > * { border-top: 1px solid var(--line) }
.pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) }
img { width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .4rem }
"""


def as_page(facts: dict[str, Any], run: Run) -> str:
    """The whole page, as text."""
    head, tables = head_and_tables(facts)
    names = [one["name"] for one in facts["candidates"]]
    title = f"{', '.join(names)} against {facts['p']['path']}"
    cautions = cautions_of(facts)
    parts = [
        _element("h1", title),
        _lines(head),
        _lines(cautions, "note") if cautions else "",
        *map(_table, tables),
        _pictures(run),
        _element("h2", "How it was made"),
        _lines(origin_of(facts), "origin"),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            _element("title", title),
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *(part for part in parts if part),
            "</body>",
            "</html>",
            "",
        ]
    )


def _element(tag: str, text: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}>{escape(text)}</{tag}>"


def _lines(lines: list[str], kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<ul{named}>" + "\n".join(_element("li", line) for line in lines) + "</ul>"


def _table(table: Table) -> str:
    heads = "".join(_element("th", text, ' scope="col"') for text in table.head)
    rows = "\n".join(
        "<tr>"
        + _element("th", first, ' scope="row"')
        + "".join(_element("td", text) for text in others)
        + "</tr>"
        for first, *others in table.rows
    )
    # What scrolls must be reached by the keyboard too.
    return (
        '<div class="wide" tabindex="0"><table>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _pictures(run: Run) -> str:
    """Each as an image of its own: the names inside two drawings of one page would clash."""
    images = []
    for picture in PICTURES:
        try:
            figure = figure_of(picture, run)
        except ImportError:
            return _element(
                "p", "Pictures need matplotlib: pip install matplotlib", ' class="note"'
            )
        if not isinstance(figure, str):
            data = base64.b64encode(as_svg(figure).encode(errors="backslashreplace")).decode()
            images.append(f'<img alt="{SHOWS[picture]}" src="data:image/svg+xml;base64,{data}">')
    return '<div class="pictures">\n' + "\n".join(images) + "\n</div>" if images else ""
