"""The page on pairs does what it says."""

import pytest

from documents import blocks_of, complaints


def test_examples_of_the_page(source_tree, tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="the page uses scikit-learn, which is not installed")
    pytest.importorskip("matplotlib", reason="the page's picture needs the extra plots")
    monkeypatch.chdir(tmp_path)
    page = (source_tree / "docs" / "pairwise.md").read_text()
    assert list(complaints("docs/pairwise.md", blocks_of(page))) == []
