"""Rows in the lists of a Parquet or Arrow column, as pyarrow writes them."""

import os
import subprocess
import sys

import numpy as np
import pytest

from arrow import arrow
from kl_c import compare
from kl_c._cli import main
from kl_c._formats import InputError, columns, open_rows
from program import WITHOUT_RICH

pyarrow = arrow()

SHAPE = (23, 7)


def fixed(rows):
    values = pyarrow.array(rows.reshape(-1))
    return pyarrow.FixedSizeListArray.from_arrays(values, rows.shape[1])


def plain(rows):
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pyarrow.ListArray.from_arrays(offsets, pyarrow.array(rows.reshape(-1)))


def large(rows):
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1]
    return pyarrow.LargeListArray.from_arrays(offsets, pyarrow.array(rows.reshape(-1)))


def parquet(table):
    pyarrow.parquet.write_table(table, "rows.parquet", row_group_size=10)
    return "rows.parquet"


def arrow(table):
    with pyarrow.ipc.new_file("rows.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=10)
    return "rows.arrow"


def feather(table):  # compressed with lz4
    pyarrow.feather.write_feather(table, "rows.feather", chunksize=9)
    return "rows.feather"


every_format = pytest.mark.parametrize("write", [parquet, arrow, feather])


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sample(dtype="float32", shape=SHAPE):
    return (np.random.default_rng(0).normal(size=shape) * 3).astype(dtype)


def table_of(**arrays):
    return pyarrow.table(arrays)


def refused(path):
    with pytest.raises(InputError) as caught:
        file = open_rows(path)
        file.read(0, file.rows)
    text = str(caught.value)
    assert text.startswith(path.split(":")[0]) and "expected" in text and "found" in text
    return text


@every_format
@pytest.mark.parametrize("lists", [fixed, plain, large])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_every_list_gives_the_rows(monkeypatch, write, lists, dtype):
    rows = sample(dtype)
    path = write(table_of(number=np.arange(23), rows=lists(rows), word=["x"] * 23))
    monkeypatch.setattr(columns, "PIECE", 4 * rows[0].nbytes)
    file = open_rows(path)
    assert (file.shape, file.dtype) == (SHAPE, rows.dtype)
    assert file.format == ("parquet" if write is parquet else "arrow")
    for start in (0, 5, 21, 3, 22, 0):  # backwards too, and across groups and pieces
        for stop in (start, start + 1, min(start + 15, 23)):
            assert file.read(start, stop).tobytes() == rows[start:stop].tobytes()


@every_format
def test_scored_as_the_arrays_are(capsys, write):
    p, q = sample(), sample() + sample("float32") / 10
    path = write(table_of(rows=fixed(p)))
    np.save("q.npy", q)
    assert main(["score", path, "q.npy", "--form", "logits", "--json", "-"]) == 0
    expected = compare(p, q, form="logits").summary()["statistics"]["kl"]["mean"]
    assert f'"mean": {expected!r}' in capsys.readouterr().out
    assert main(["convert", path, "p.npy"]) == 0
    assert np.load("p.npy").tobytes() == p.tobytes()


@every_format
def test_the_top_of_each_row_is_a_pair_of_columns(write):
    """Ids and log-probabilities of the likeliest outcomes: each column is read by its name."""
    ids = np.argsort(sample(), axis=1)[:, ::-1][:, :3].astype(np.int32)
    logprobs = np.take_along_axis(sample(), ids, axis=1)
    path = write(table_of(ids=fixed(ids), logprobs=plain(logprobs)))
    for name, expected in (("ids", ids), ("logprobs", logprobs)):
        file = open_rows(f"{path}:{name}")
        assert file.read(0, 23).tobytes() == expected.tobytes()
    assert "ids (fixed_size_list" in refused(path)  # one of them alone is no file of rows


@every_format
def test_lists_that_are_no_rows(write):
    ragged = [[1.0, 2.0], [1.0, 2.0], [1.0], [1.0, 2.0]]
    assert "expected 2 outcomes in each row, found 1 in row 2" in refused(
        write(table_of(rows=pyarrow.array(ragged)))
    )
    missing = [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], None]
    assert "in row 3, found none (null)" in refused(write(table_of(rows=pyarrow.array(missing))))
    holes = [[1.0, 2.0], [1.0, None]]
    assert "found 1 nulls" in refused(write(table_of(rows=pyarrow.array(holes))))
    words = write(table_of(number=np.arange(3), words=[["a"]] * 3))
    assert "found the columns number (int64), words" in refused(words)
    assert "named rows, found the columns" in refused(f"{words}:rows")
    none = write(table_of(rows=pyarrow.array([], pyarrow.list_(pyarrow.float32()))))
    assert open_rows(none).shape == (0, 0)


@every_format
def test_a_file_cut_anywhere_is_refused(inside, write):
    path = write(table_of(rows=fixed(sample())))
    good = (inside / path).read_bytes()
    for size in range(len(good)):
        (inside / path).write_bytes(good[:size])
        refused(path)


@every_format
def test_a_file_that_shrinks_while_it_is_read_is_named(monkeypatch, write):
    rows = sample(shape=(23, 5000))
    file = open_rows(write(table_of(rows=plain(rows))))
    file.read(0, 1)
    os.truncate(file.files[0], 200)
    with pytest.raises(InputError, match=r"expected .* found"):
        file.read(20, 23)


def test_pyarrow_is_asked_for_where_it_is_missing():
    path = parquet(table_of(rows=fixed(sample())))
    without = "import sys\nsys.modules['pyarrow'] = None\n" + WITHOUT_RICH
    done = subprocess.run(
        [sys.executable, "-c", without, "convert", path, "out.npy"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "pip install pyarrow" in done.stderr
