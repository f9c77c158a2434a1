"""The files of ``kl-c score``: what is read, what is refused and how, what is left behind."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import kl_c
from kl_c import compare
from kl_c._cli import main, report
from kl_c._formats import BLOCK_BYTES, open_rows
from program import WITHOUT_RICH, complaint, of_the_only, run

PROBS = ("--form", "probs")


def save(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def make_pair(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.dirichlet(np.ones(shape[-1]), shape[:-1]) for _ in range(2)]


@pytest.fixture
def pair(tmp_path):
    base, other = make_pair(6, 10)
    save(tmp_path, base=base, other=other)
    return tmp_path


def score_json(folder, *options):
    return of_the_only(
        run("score", "base.npy", "other.npy", *options, "--json", "-", cwd=folder).stdout
    )


def as_json(values):
    """As it is after a way through JSON, which knows no NaN."""
    return json.loads(report.as_json(values))


def test_every_layout_gives_the_same_figures(tmp_path):
    base, other = (x.astype(np.float32) for x in make_pair(4, 5, 30))
    flat = compare(base.reshape(20, 30), other.reshape(20, 30)).summary()["statistics"]
    grouped = compare(base, other).summary()["statistics"]
    layouts = {
        "batch x length x outcomes": lambda x: x,
        "rows x outcomes": lambda x: x.reshape(20, 30),
        "Fortran order, 3-D": np.asfortranarray,
        "Fortran order, 2-D": lambda x: np.asfortranarray(x.reshape(20, 30)),
        "big-endian": lambda x: x.astype(">f4"),
    }
    for name, layout in layouts.items():
        save(tmp_path, base=layout(base), other=layout(other))
        found = score_json(tmp_path, *PROBS)["statistics"]
        assert found == (as_json(flat) if "2-D" in name or "rows" in name else as_json(grouped))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(7, 11), (3, 4, 11)])
def test_blocks_put_together_are_the_array(tmp_path, monkeypatch, order, shape):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.save(tmp_path / "array.npy", np.asarray(array, order=order))
    file = open_rows(str(tmp_path / "array.npy"))
    rows = array.reshape(-1, 11)
    three_columns = 3 * len(rows) * 4
    monkeypatch.setattr("kl_c._formats.arrays.BLOCK_BYTES", three_columns)
    for start in range(0, len(rows), 2):
        stop = min(start + 2, len(rows))
        np.testing.assert_array_equal(file.read(start, stop), rows[start:stop])


def test_bfloat16_as_numpy_saves_it(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="only ml_dtypes gives NumPy a bfloat16")
    base, other = (np.log(x).astype(ml_dtypes.bfloat16) for x in make_pair(6, 10))
    save(tmp_path, base=base, other=other)
    assert np.load(tmp_path / "base.npy").dtype == "V2"
    found = score_json(tmp_path, "--form", "logits")
    assert found["statistics"] == compare(base, other, form="logits").summary()["statistics"]
    assert found["p"]["dtype"] == "bfloat16"
    without = "import sys\nsys.modules['ml_dtypes'] = None\n" + WITHOUT_RICH
    done = subprocess.run(
        [sys.executable, "-c", without, "score", "base.npy", "other.npy", "--form", "logits"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install ml_dtypes" in done.stderr


def test_labels_of_a_batch(tmp_path):
    base, other = make_pair(3, 4, 10)
    labels = np.arange(12).reshape(3, 4) % 10
    expected = compare(base, other, labels=labels).summary()
    for order in ("C", "F"):
        save(tmp_path, base=base, other=other, labels=np.asarray(labels, order=order))
        found = score_json(tmp_path, *PROBS, "--labels", "labels.npy")
        assert found["perplexity"] == expected["perplexity"]


def test_no_rows_are_an_empty_result(tmp_path):
    save(tmp_path, base=np.empty((0, 5)), other=np.empty((0, 5)))
    found = score_json(tmp_path, *PROBS)
    assert found["rows"]["total"] == 0
    assert found["statistics"]["kl"]["mean"] is None
    assert "--form is required" in complaint("score", "base.npy", "other.npy", cwd=tmp_path)


@pytest.mark.parametrize("form", ["probs", "counts", "log_probs", "logits"])
def test_missing_form_names_the_one_that_fits(pair, form):
    base, other = make_pair(6, 10)
    as_form = {
        "probs": lambda x: x,
        "counts": lambda x: np.round(x * 1000),
        "log_probs": np.log,
        "logits": lambda x: np.log(x) + 3,
    }[form]
    save(pair, base=as_form(base), other=as_form(other))
    line = complaint("score", "base.npy", "other.npy", cwd=pair)
    assert line.endswith(f"if so, add --form {form}")
    save(pair, base=base)
    line = complaint("score", "base.npy", "other.npy", cwd=pair)
    assert line.endswith(f"--form probs,{form}" if form != "probs" else "--form probs")
    save(pair, base=np.full((6, 10), np.nan))
    assert "fit no form" in complaint("score", "base.npy", "other.npy", cwd=pair)


def test_probabilities_called_logits_are_refused_unless_forced(pair):
    line = complaint("score", "base.npy", "other.npy", "--form", "logits", cwd=pair)
    assert line.startswith("base.npy: expected logits, found")
    line = complaint("score", "base.npy", "other.npy", "--form", "probs,logits", cwd=pair)
    assert line.startswith("other.npy: expected logits, found")
    found = score_json(pair, "--form", "logits", "--force-form")
    expected = compare(*make_pair(6, 10), form="logits").summary()
    assert found["statistics"] == expected["statistics"]


def write_bad_files(folder):
    """path -> words of the complaint when it stands in for OTHER."""
    good = (folder / "other.npy").read_bytes()
    _, other = make_pair(6, 10)
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("0.5,0.5\n")
    (folder / "header.npy").write_bytes(good[:40])
    (folder / "magic.npy").write_bytes(good[:6])
    (folder / "version.npy").write_bytes(good[:6] + b"\x09\x00" + good[8:])
    (folder / "data.npy").write_bytes(good[:-1])
    (folder / "folder.npy").mkdir()
    os.mkfifo(folder / "pipe.npy")
    (folder / "loop.npy").symlink_to("loop.npy")
    np.save(folder / "objects.npy", np.array([[None]]), allow_pickle=True)
    save(
        folder,
        complex=other.astype(complex),
        long=other.astype(np.longdouble),
        text_array=other.astype(str),
        fields=np.zeros(6, [("a", "f4")]),
        dates=np.zeros((6, 10), "M8[s]"),
        vector=other[0],
        scalar=np.array(1.0),
        deep=other.reshape(1, 1, 6, 10),
        rows=other[:-1],
        outcomes=other[:, :-1],
        none=np.empty((6, 0)),
    )
    return {
        "missing.npy": ["expected a file of rows", "No such file"],
        "other.npy/x.npy": ["expected a file of rows", "Not a directory"],
        "empty.npy": ["expected a file of rows", "found an empty file"],
        "text.npy": ["expected a file of rows", "begins with b'0.5,0.5"],
        "header.npy": ["expected a .npy header", "EOF"],
        "magic.npy": ["expected a .npy header", "EOF"],
        "version.npy": ["expected", "version", "9"],
        "data.npy": ["expected 608 bytes for 6 x 10 float64", "found 607", "truncated"],
        "folder.npy": ["expected a file of rows", "found a directory"],
        "pipe.npy": ["expected a file of rows", "found a pipe"],
        "loop.npy": ["expected a file of rows", "symbolic links"],
        "objects.npy": ["expected an array of real numbers", "found dtype object"],
        "complex.npy": ["dtype complex128", "expected a real number type"],
        "long.npy": ["dtype", "expected a real number type"],
        "text_array.npy": ["dtype", "expected a real number type"],
        "dates.npy": ["dtype", "expected a real number type"],
        "fields.npy": ["expected", "found"],
        "vector.npy": ["expected rows x outcomes", "found 1 dimension", "(10,)"],
        "scalar.npy": ["expected rows x outcomes", "found 0 dimension"],
        "deep.npy": ["expected rows x outcomes", "found 4 dimension"],
        "rows.npy": ["expected shape (6, 10) as in base.npy", "found (5, 10)"],
        "outcomes.npy": ["expected shape (6, 10) as in base.npy", "found (6, 9)"],
        "none.npy": ["expected at least one outcome", "found (6, 0)"],
    }


def test_bad_files_are_named(pair):
    bad = write_bad_files(pair)
    before = sorted(os.listdir(pair))
    outputs = ("--json", "out.json", "--rows", "rows.npz")
    for path, found in bad.items():
        line = complaint("score", "base.npy", path, *PROBS, *outputs, cwd=pair)
        assert line.startswith(f"{path}: "), line
        assert [words for words in found if words not in line] == [], line
    assert sorted(os.listdir(pair)) == before
    assert complaint("score", "pipe.npy", "other.npy", *PROBS, cwd=pair).startswith("pipe.npy: ")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_a_file_that_may_not_be_read_is_named(pair):
    (pair / "other.npy").chmod(0)
    line = complaint("score", "base.npy", "other.npy", *PROBS, cwd=pair)
    assert line.startswith("other.npy: expected a file of rows, found: Permission denied")


def test_bad_labels_are_named(pair):
    good = np.arange(6)
    wrong = {
        "expected one label for each row": good[:-1],
        "found (6, 1)": good[:, None],
        "dtype float64": good.astype(float),
        "row 2": np.where(good == 2, 10, good),
        "row 3": np.where(good == 3, -1, good),
    }
    for words, labels in wrong.items():
        save(pair, labels=labels)
        line = complaint(
            "score", "base.npy", "other.npy", *PROBS, "--labels", "labels.npy", cwd=pair
        )
        assert line.startswith("labels.npy: ")
        assert words in line
    found = score_json(pair, *PROBS, "--labels", "labels.npy", "--invalid", "nan")
    assert (found["rows"]["left_out"], found["statistics"]["kl"]["count"]) == (1, 5)


def test_a_bad_row_is_named_with_its_file(pair):
    _, other = make_pair(6, 10)
    other[4, 3] = -0.5
    save(pair, other=other)
    outputs = ("--json", "out.json", "--rows", "rows.npz")
    line = complaint("score", "base.npy", "other.npy", *PROBS, *outputs, cwd=pair)
    assert line.startswith("other.npy: ")
    assert "row 4" in line and "--invalid nan" in line
    assert sorted(os.listdir(pair)) == ["base.npy", "other.npy"]


def test_the_row_is_counted_over_all_blocks(pair, monkeypatch, capsys):
    _, other = make_pair(6, 10)
    other[5, 0] = np.nan
    save(pair, other=other)
    monkeypatch.chdir(pair)
    monkeypatch.setattr(
        "kl_c._cli.scoring.BLOCK_BYTES", 2 * 2 * other[0].nbytes
    )  # two rows a block
    assert main(["score", "base.npy", "other.npy", *PROBS]) == 2
    assert "row 5" in capsys.readouterr().err


def test_outputs_that_cannot_be_written_are_refused_first(pair):
    (pair / "folder").mkdir()
    before = {name: os.stat(pair / name).st_mtime_ns for name in os.listdir(pair)}
    for option in ("--json", "--rows"):
        for path, words in [
            ("nowhere/out", "expected an existing directory"),
            ("other.npy/out", "expected an existing directory"),
            ("folder", "found a directory"),
            ("base.npy", "found one of the inputs"),
            ("./other.npy", "found one of the inputs"),
        ]:
            line = complaint("score", "base.npy", "other.npy", *PROBS, option, path, cwd=pair)
            assert words in line
    same = ("--json", "out", "--rows", "out")
    complaint("score", "base.npy", "other.npy", *PROBS, *same, cwd=pair)
    assert {name: os.stat(pair / name).st_mtime_ns for name in os.listdir(pair)} == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
def test_a_full_disk_is_one_line(pair):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kl_c", "score", "base.npy", "other.npy", *PROBS],
            cwd=pair,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("kl-c: ") and done.stderr.count("\n") == 1


PEAK_AFTER = """
import sys
from kl_c._cli import main, report
assert main() == 0
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from /proc")
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_is_flat_whatever_the_size(tmp_path, order):
    def peak_bytes(rows):
        for name in ("base", "other"):  # holes on the disk, but pages of memory when mapped
            np.lib.format.open_memmap(
                tmp_path / f"{name}.npy",
                "w+",
                np.float32,
                (rows, 50_000),
                fortran_order=order == "F",
            )
        arguments = ["score", "base.npy", "other.npy", "--form", "logits", "--json", "-"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK_AFTER, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert of_the_only(done.stdout)["rows"]["used"] == rows
        return int(done.stderr) * 1024

    large = peak_bytes(1000)
    assert os.path.getsize(tmp_path / "base.npy") > 5 * BLOCK_BYTES
    # Both sides of a block, mapped or, in Fortran order, copied from what is mapped.
    assert large - peak_bytes(1) < 3 * BLOCK_BYTES
    for path in tmp_path.iterdir():
        path.unlink()


def test_the_backend_is_the_one_that_ran(pair):
    for backend in kl_c._kernels.BACKENDS:
        done = run(
            *("score", "base.npy", "other.npy", *PROBS, "--json", "-"),
            cwd=pair,
            env=os.environ | {"KL_C_BACKEND": backend},
        )
        assert json.loads(done.stdout)["backend"] == backend
