"""The polynomials of the kernels are the ones that coefficients.py derives, with its bounds."""

import re
import runpy

import pytest


@pytest.fixture(scope="module")
def derived(source_tree):
    return runpy.run_path(str(source_tree / "src" / "coefficients.py"))


@pytest.fixture(scope="module")
def header(source_tree):
    files = ("vecmath.inc.h", "compare_terms.inc.h")
    return "".join((source_tree / "src" / name).read_text() for name in files)


TABLES = (
    "ATANH",
    "EXP_REST",
    "EXP",
    "EVEN_MIXTURE",
    "ODD_MIXTURE",
    "GREATER_MIXTURE",
    "POWER",
    "POWER_REST",
    "MIXTURE",
)


@pytest.mark.parametrize("name", [f"{table}_F{bits}" for table in TABLES for bits in (64, 32)])
def test_coefficients_and_bounds_stand_in_the_header(name, derived, header):
    assert name in {entry[0] for entry in derived["POLYNOMIALS"]}
    coefficients, bound = derived["derive"](name)
    table = name.replace("_F", "_f")
    text = re.search(rf" {table}\[\] = {{([^}}]*)}}", header).group(1)
    written = [float.fromhex(x.strip().rstrip("f")) for x in text.split(",")]
    assert written == coefficients
    above = header[: header.index(f" {table}[]")]
    kind = "float64" if name.endswith("64") else "float32"
    said = re.findall(rf"([0-9.]+e-[0-9]+)\s+\({kind}\)", above)[-1]
    assert bound <= float(said) <= 1.1 * bound, (bound, said)
