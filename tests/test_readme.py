"""The README says nothing that was not run: its examples, its tables, its links."""

import inspect
import re

import numpy as np
import pytest

import kl_c
import limits
from documents import FENCED, blocks_of, code, complaints, table
from kl_c import _kernels


@pytest.fixture(scope="module")
def readme(source_tree):
    return (source_tree / "README.md").read_text()


@pytest.fixture(scope="module")
def blocks(readme):
    return blocks_of(readme)


def test_examples_print_what_they_say(blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(complaints("README.md", blocks)) == []


def test_every_example_is_found(readme, blocks):
    """No block is left out of the test above for its mark, and no command for its place."""
    assert {block.kind for block in blocks} <= {"pycon", "console", "text"}
    assert readme.count("```") == 2 * len(blocks)
    commands = re.compile(r"^(?:>>> | *\$ | +kl-c | +python -m kl_c )", re.MULTILINE)
    run = [block.text for block in blocks if block.kind != "text"]
    assert len(commands.findall(readme)) == len(commands.findall("\n".join(run)))


def test_every_measure_is_in_the_table_as_it_is_called(readme):
    shown = [code(row[0])[0] for row in table(readme, "`kl_c.`", "is")]
    calls = []
    for name in _kernels.MEASURES:
        parameters = inspect.signature(getattr(kl_c, name)).parameters.values()
        positional = [str(x) for x in parameters if x.kind is x.POSITIONAL_OR_KEYWORD]
        calls.append(f"{name}({', '.join(positional)})")
    assert shown == calls


def test_every_keyword_is_in_the_table_with_its_default_and_its_measures(readme):
    shown = {}
    for name, default, meaning in table(readme, "keyword", "default", "means"):
        _, but, denied = meaning.partition("Not of ")
        _, only, granted = meaning.partition("Only of ")
        named = [m for m in _kernels.MEASURES if m.startswith(tuple(code(denied or granted)))]
        assert named or not (but or only), meaning
        takers = [m for m in _kernels.MEASURES if (m in named) == bool(only)]
        shown[code(name)[0]] = code(default)[0], takers
    taken = {}
    for measure in _kernels.MEASURES:
        for x in inspect.signature(getattr(kl_c, measure)).parameters.values():
            if x.default is not x.empty:
                _, takers = taken.setdefault(x.name, (repr(x.default).replace("'", '"'), []))
                takers.append(measure)
    assert shown == taken


def test_every_form_dtype_and_rule_is_named(readme):
    forms = table(readme, "form", "rows hold", "valid if (and no NaN, no +inf)")
    assert [code(row[0])[0].strip('"') for row in forms] == list(_kernels.FORMS)
    dtypes = table(readme, "dtype", "sum of a row may miss 1 by", "computed in")
    assert [code(row[0])[0] for row in dtypes] == list(_kernels.DTYPES)
    (rules,) = re.findall(r"`kl_c.ROW_RULES`.*?\n\n", readme, re.DOTALL)
    assert re.findall(r'`"(\w+)"`', rules) == list(kl_c.ROW_RULES[1:])


@pytest.mark.parametrize("library", ["scipy", "sklearn", "torch"])
def test_names_of_other_libraries_mean_the_same(readme, library):
    given = functions_of(library)
    rows = [list(map(code, row)) for row in table(readme, "elsewhere", "here")]
    rows = [(theirs, ours) for (theirs,), (ours,) in rows if theirs.startswith(library)]
    assert rows
    for theirs, ours in rows:
        expected, value = (np.asarray(eval(x, dict(given))) for x in (theirs, ours))
        assert value.shape == expected.shape, ours
        # Both sides round; those of `kl_div` also subtract numbers of the size of p and q.
        allowed = 2 * limits.FLOAT64 * (1 + np.abs(expected))
        assert (np.abs(value - expected) <= allowed).all(), (theirs, value, expected)


def functions_of(library):
    """The names that the table's expressions use, for one library."""
    p, q = np.random.default_rng(3).dirichlet(np.ones(4), (2, 4))
    if library == "scipy":
        import scipy.spatial.distance
        import scipy.special
        import scipy.stats

        return {"scipy": scipy, "kl_c": kl_c, "p": p, "q": q}
    if library == "sklearn":
        import sklearn.metrics

        x, y = np.random.default_rng(4).integers(0, 5, (2, 60))
        return {"sklearn": sklearn, "kl_c": kl_c, "x": x, "y": y}
    torch = pytest.importorskip("torch", reason="torch, whose names are compared, is not installed")
    p, q, a, b = (torch.tensor(x) for x in (p, q, np.log(p) + 1, np.log(q) - 2))
    labels = torch.tensor([0, 3, 1, 2])
    return {"torch": torch, "kl_c": kl_c, "p": p, "q": q, "a": a, "b": b, "labels": labels}


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/direction.md",
        "docs/information.md",
        "docs/measuring.md",
        "docs/pairwise.md",
        "docs/sparse.md",
        "docs/which-divergence.md",
    ],
)
def test_links_and_commands_lead_somewhere(source_tree, document):
    path = source_tree / document
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s:]+)\)", text):  # but for those with a colon, of the web
        name, _, anchor = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), target
        assert not anchor or anchor in anchors_of(found), target
    makefile = (source_tree / "Makefile").read_text()
    for target in re.findall(r"(?:^    |`)make (\w+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    paths = re.findall(r"`((?:src|kl_c|tests|bench|docs)/[\w./-]+\w)`", text)
    assert [x for x in paths if not (source_tree / x).exists()] == []


def anchors_of(document):
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_nothing_is_installed_from_an_index_yet(source_tree):
    for document in source_tree.glob("*.md"):
        assert not re.search(r"pip install [\"']?kl[_-]c", document.read_text()), document


def test_the_worked_example_fits_the_sources(source_tree):
    """What the diffs of CONTRIBUTING.md show of a file stands there, in that order."""
    text = (source_tree / "CONTRIBUTING.md").read_text()
    diffs = [found[2] for found in FENCED.finditer(text) if found[1] == "diff"]
    assert diffs
    for diff in diffs:
        path, *lines = diff.removeprefix("--- ").splitlines()
        file = map(plain, (source_tree / path).read_text().splitlines())
        for line in lines:
            if not line.startswith("+"):
                assert plain(line[1:]) in file, f"{path}: {line}"  # the iterator keeps the order


def plain(line):
    """A line but for its spaces: lists in C are padded to a margin."""
    return " ".join(line.split())
