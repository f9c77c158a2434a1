"""Tables of a document that stand between two comments: a program writes them, nobody else.

A table called ``speed`` stands between ``<!-- speed table: begin -->`` and
``<!-- speed table: end -->``.
"""

import re
from collections.abc import Iterable


def between(document: str, name: str, table: str) -> str:
    """The document with this table in the place of that name."""
    begin, end = (f"<!-- {name} table: {x} -->" for x in ("begin", "end"))
    if document.count(begin) != 1 or document.count(end) != 1:
        raise ValueError(f"the document must hold {begin!r} and {end!r}, once each")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    replaced, count = pattern.subn(lambda _: f"{begin}\n{table}\n{end}", document)
    if count != 1:
        raise ValueError(f"{end!r} stands before {begin!r}")
    return replaced


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines)
