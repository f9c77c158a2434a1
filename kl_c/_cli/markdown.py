"""The report as Markdown, for a model card: the same words and figures as the table."""

from typing import Any

from kl_c._cli.layout import Table
from kl_c._cli.tables import contents

__all__ = ["as_markdown"]


def as_markdown(facts: dict[str, Any]) -> str:
    """Head, tables and foot, as GitHub and Hugging Face render them."""
    head, tables, foot = contents(facts)
    parts = [_lines(head), *map(_table, tables), _lines(foot)]
    return "\n\n".join(parts) + "\n"


def _lines(lines: list[str]) -> str:
    return "  \n".join(map(_escaped, lines))  # two spaces end a line


def _table(table: Table) -> str:
    rule = ["---", *("---:" for _ in table.head[1:])]
    rows = [table.head, rule, *table.rows]
    return "\n".join("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)


def _escaped(text: str) -> str:
    """What Markdown would take for its own: names with underscores and stars, bars in formulas."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text
