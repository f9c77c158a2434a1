"""The page on information measures: its examples, its names, its identities."""

import re

import numpy as np
import pytest

import kl_c
import limits
from documents import blocks_of, code, complaints, table
from kl_c import entropy_estimators

PAGE = "docs/information.md"


@pytest.fixture(scope="module")
def page(source_tree):
    return (source_tree / PAGE).read_text()


def test_examples_print_what_they_say(page):
    blocks = blocks_of(page)
    assert page.count("```") == 2 * len(blocks)
    assert {block.kind for block in blocks} == {"pycon"}
    assert list(complaints(PAGE, blocks)) == []


def test_every_measure_and_estimator_has_its_line(page):
    named = [code(row[0])[0] for row in table(page, "`kl_c.`", "is", "lies in")]
    assert all(hasattr(kl_c, name) for name in named if "=" not in name)
    listed = [code(row[0])[0].strip('"') for row in table(page, "`estimator=`", "is", "use it")]
    assert listed == list(entropy_estimators.ESTIMATORS)


def test_the_table_of_identities_holds(page):
    joint = np.random.default_rng(16).dirichlet(np.ones(20)).reshape(4, 5)
    x, y = joint.sum(1), joint.sum(0)
    product = np.outer(x, y)
    columns = kl_c.entropy(joint, axis=0, form="counts")
    values = {
        "Σ p(y) H(X | Y = y)": y @ columns,
        "KL(p(x, y) ‖ p(x) p(y))": kl_c.kl_divergence(joint.ravel(), product.ravel()),
        "H(X, Y)": kl_c.joint_entropy(joint),
        "H(X | Y)": kl_c.conditional_entropy(joint),
        "H(Y | X)": kl_c.conditional_entropy(joint, given="x"),
        "I(X; Y)": kl_c.mutual_information(joint),
        "VI(X, Y)": kl_c.variation_of_information(joint),
        "H(X)": kl_c.entropy(x),
        "H(Y)": kl_c.entropy(y),
    }
    checked = 0
    for line in re.findall(r"^\| (?:H|I|VI)\(.*\|$", page, re.MULTILINE):
        sums = [cell.replace("\\|", "|") for cell in re.split(r" (?<!\\)\| ", line.strip("| "))]
        found = [evaluated(text, values) for text in sums]
        assert len(found) == 4
        assert found == pytest.approx([found[0]] * 4, abs=10 * limits.TABLE)
        checked += 1
    assert checked == 4


def evaluated(text, values):
    """A sum of named quantities, some of them doubled."""
    for name, value in values.items():
        text = text.replace(name, f"({value!r})")
    text = text.replace("−", "-").replace("2 (", "2 * (")
    return eval(text, {"np": np})
