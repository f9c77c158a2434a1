"""The report for a model card, read back by a Markdown parser."""

from pathlib import Path

import numpy as np
import pytest

from every_measure import rows
from kl_c._cli import main


def cells_of(text):
    """The rows of each table, and the lines of each paragraph, as a reader sees them."""
    markdown_it = pytest.importorskip("markdown_it")  # comes with rich
    tables, paragraphs, row, inside = [], [], [], False
    for token in markdown_it.MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            tables.append([])
        inside = token.type in ("th_open", "td_open") or (inside and token.type == "inline")
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            tables[-1].append(row)
        elif token.type == "inline":
            assert all(
                child.type in ("text", "hardbreak", "text_special") for child in token.children
            )
            lines = "".join(child.content or "\n" for child in token.children)
            (row if inside else paragraphs).append(lines)
    return tables, paragraphs


def test_a_reader_sees_the_words_and_figures_of_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("_b_*|`x`.npy", rows((9, 30), "logits"))
    np.save("other.npy", rows((9, 30), "logits", seed=1))
    score = ["score", "_b_*|`x`.npy", "other.npy", "--form", "logits", "--fail-above", "kl.mean=9"]
    assert main([*score, "--markdown", "card.md"]) == 0
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    tables, paragraphs = cells_of(Path("card.md").read_text())
    assert len(tables) == 2 and len(paragraphs) == 2
    seen = [" ".join(" ".join(row).split()) for table in tables for row in table]
    seen += [" ".join(line.split()) for text in paragraphs for line in text.splitlines()]
    shown = [line for line in printed if line and set(line) - set("- ─━")]
    assert sorted(seen) == sorted(shown)
