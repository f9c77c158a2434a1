"""The numbers of every row as files for other programs."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from arrow import arrow
from kl_c import Comparison
from kl_c._cli import main
from kl_c._label_shift import SHIFTS
from kl_c._statistics import STATISTICS
from program import as_facts

FORM = ("--form", "logits", "--invalid", "nan")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Two blocks of CSV and a bit, with rows left out, masked and infinite."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kl_c._cli.kept_rows.PIECE", 20)
    rng = np.random.default_rng(0)
    base = rng.normal(size=(6, 7, 10)).astype(np.float32)
    other = base + (0.1 * rng.normal(size=base.shape)).astype(np.float32)
    other[1, 2], other[3, 4, 5] = np.nan, -np.inf
    for name, array in (("base", base), ("other", other), ("tokens", rng.integers(0, 10, (6, 7)))):
        np.save(f"{name}.npy", array)
    return ["score", "base.npy", "other.npy", *FORM, "--tokens", "tokens.npy", "--k", "2"]


def expected(run):
    """name -> column, and for which of its rows it has a value."""
    assert main([*run, "--rows", "rows.npz"]) == 0
    columns = Comparison.load("rows.npz")._columns()
    names = {s.name for s in STATISTICS}
    everywhere = np.ones(42, bool)
    shown = {name: x for name, x in columns.items() if name not in SHIFTS}
    assert (~columns["valid"]).sum() == 7 and np.isinf(columns["kl"]).sum() == 1
    return {
        name: (x, columns["valid"] if name in names else everywhere) for name, x in shown.items()
    }


def test_csv_brings_every_number_back(run):
    wanted = expected(run)
    assert main([*run, "--rows", "rows.csv"]) == 0
    with open("rows.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == list(wanted) and len(rows) == 42
    words = {"true": True, "false": False}
    for name, cells in zip(head, zip(*rows, strict=True), strict=True):
        column, there = wanted[name]
        assert [cell != "" for cell in cells] == there.tolist()
        found = np.array([words[x] if x in words else float(x) for x in cells if x])
        np.testing.assert_array_equal(found.astype(column.dtype), column[there])


def test_parquet_brings_every_number_back(run):
    parquet = arrow().parquet
    wanted = expected(run)
    assert main([*run, "--rows", "rows.parquet"]) == 0
    table = parquet.read_table("rows.parquet")
    assert table.column_names == list(wanted)
    for name, (column, there) in wanted.items():
        found = table[name].combine_chunks()
        assert found.is_valid().to_pylist() == there.tolist()
        found = found.drop_null().to_numpy(zero_copy_only=False)
        assert found.dtype == column.dtype
        np.testing.assert_array_equal(found, column[there])


def test_the_json_says_where_they_went(run, capsys):
    for folder in ("reports", "rows"):
        Path(folder).mkdir()
    report = "reports/out.json"
    assert main([*run, "--rows", "rows/all.csv", "--json", report]) == 0
    (one,) = as_facts(Path(report).read_text())["candidates"]
    found = one["rows_file"]
    assert (found["path"], found["format"]) == ("../rows/all.csv", "csv")
    assert found["bytes"] == Path("rows/all.csv").stat().st_size
    capsys.readouterr()
    assert main([*run, "--rows", "rows/all.npz", "--json", "-"]) == 0
    (one,) = as_facts(capsys.readouterr().out)["candidates"]
    assert one["rows_file"]["path"] == "rows/all.npz"
    assert main([*run, "--json", "-"]) == 0
    assert as_facts(capsys.readouterr().out)["candidates"][0]["rows_file"] is None


def test_without_pyarrow_nothing_is_begun(run, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    before = sorted(Path().iterdir())
    assert main([*run, "--rows", "rows.parquet", "--json", "out.json"]) == 2
    assert capsys.readouterr().err == (
        "kl-c: rows.parquet: expected pyarrow, found none: pip install pyarrow\n"
    )
    assert sorted(Path().iterdir()) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_is_one_line(run, capsys, ending):
    if ending == "parquet":
        arrow()
    Path(f"full.{ending}").symlink_to("/dev/full")
    assert main([*run, "--rows", f"full.{ending}"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kl-c: ") and err.count("\n") == 1 and "No space" in err
