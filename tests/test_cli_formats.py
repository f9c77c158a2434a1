"""``kl-c score`` and ``kl-c convert`` on files of every format."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import kl_c
import row_files
from kl_c import compare
from kl_c._cli import main
from kl_c._formats import BLOCK_BYTES, open_rows
from kl_c._formats.rows import token_hash
from program import of_the_only, run

FILES = Path(__file__).with_name("llamacpp")
LOGITS = ("--form", "logits")


@pytest.fixture
def inside(tmp_path, monkeypatch):
    for path in FILES.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    p = (rng.normal(size=(12, 30)) * 3).astype(np.float32)
    q = (p + rng.normal(size=p.shape) * 0.1).astype(np.float32)
    for name, rows in (("base", p), ("other", q)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / f"{name}.npy", rows)
    return p, q


def score_json(capsys, *arguments):
    assert main(["score", *map(str, arguments), "--json", "-"]) == 0
    return of_the_only(capsys.readouterr().out)


def refused(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    return said.err.removeprefix("kl-c: ")


# score


@pytest.mark.parametrize("write", row_files.EXACT, ids=lambda write: write.__name__)
def test_every_format_on_either_side_gives_the_same_figures(pair, capsys, write):
    p, q = pair
    expected = compare(p, q, form="logits").summary()["statistics"]
    raw = ("--dtype", "float32", "--shape", "12x30") if write is row_files.raw else ()
    base = os.path.join("base", write(Path("base"), p))
    other = os.path.join("other", write(Path("other"), q))
    for sides in ((base, other), (base, "other.npy"), ("base.npy", other)):
        found = score_json(capsys, *sides, *LOGITS, *raw)
        assert found["statistics"] == expected
    assert found["q"]["format"] == open_rows_format(write)


def open_rows_format(write):
    name = write.__name__.split("_")[0]
    return {"index": "safetensors", "pattern": "npy"}.get(name, name)


def test_raw_files_of_different_types(pair, capsys):
    p, q = pair
    half = q.astype(ml_dtypes.bfloat16)
    Path("p.bin").write_bytes(p.tobytes())
    Path("q.bin").write_bytes(half.tobytes())
    raw = ("--dtype", "float32,bfloat16", "--shape", "12x30")
    found = score_json(capsys, "p.bin", "q.bin", *LOGITS, *raw)
    assert found["statistics"] == compare(p, half, form="logits").summary()["statistics"]
    for options, words in [
        (("--dtype", "float32"), "--dtype and --shape together"),
        (("--shape", "12x30"), "--dtype and --shape together"),
        (("--dtype", "float31", "--shape", "12x30"), "found float31"),
        (("--dtype", "object", "--shape", "12x30"), "found object"),
        (("--dtype", "complex64", "--shape", "12x30"), "found complex64"),
        (("--dtype", "S4", "--shape", "12x30"), "found S4"),
        (("--dtype", "f4,f4,f4", "--shape", "12x30"), "one type or two"),
        (("--dtype", "f4", "--shape", "12,30"), "1000x32000"),
        (("--dtype", "f4", "--shape", "-12x30"), "--shape"),
        (("--dtype", "f4", "--shape", "12x31"), "truncated"),
        ((), "--dtype and --shape"),
    ]:
        assert words in refused(capsys, "score", "p.bin", "q.bin", *LOGITS, *options)


@pytest.mark.parametrize("clip", [16, 24])
def test_two_files_of_llamacpp_need_no_option(inside, capsys, clip):
    paths = (f"base_clip{clip}.kld", f"q4_clip{clip}.kld")
    base, other = map(open_rows, paths)
    p, q = (file.read(0, 155).reshape(base.shape) for file in (base, other))
    labels = base.labels.reshape(base.shape[:-1])
    expected = compare(p, q, form="logits", labels=labels).summary()  # chunks are groups
    found = score_json(capsys, *paths)
    assert {key: found[key] for key in expected} == expected
    assert found["form"] == "logits"
    assert found["token_hash"] == token_hash(base.labels)
    for side, file in (("p", base), ("q", other)):
        floor = file.floor(0, 155)
        assert (found[side]["clip"], found[side]["format"]) == (clip, "_logits_")
        assert found[side]["floor"]["share"] == floor.share.mean()
        assert found[side]["floor"]["mass_bound"] == floor.mass.mean()
        assert found[side]["floor"]["largest_mass_bound"] == floor.mass.max()
    text = run("score", *paths, cwd=inside).stdout
    assert f"p: clip {clip} (" in text and f"q: clip {clip} (" in text


def test_the_programs_file_beside_the_logits_as_they_were(inside, capsys):
    """The same figures but for what 16 bits and a clip at 24 nats cost."""
    logits = [np.load(f"{name}_logits.npy") for name in ("base", "q4")]
    for sides in (("base_clip24.kld", "q4_logits.npy"), ("base_logits.npy", "q4_clip24.kld")):
        found = score_json(capsys, *sides, *LOGITS)
        arrays = [
            whole if name.endswith("npy") else open_rows(name).read(0, 155)
            for name, whole in zip(sides, logits, strict=True)
        ]
        labels, groups = (getattr(open_rows("base_clip24.kld"), x) for x in ("labels", "groups"))
        expected = compare(*arrays, form="logits", labels=labels, groups=groups).summary()
        assert found["statistics"] == expected["statistics"]
        assert found["perplexity"] == expected["perplexity"]
    assert "fit logits" in refused(capsys, "score", "base_clip24.kld", "q4_logits.npy")
    np.save("labels.npy", labels[::-1])  # those that are given come first
    found = score_json(capsys, *sides, *LOGITS, "--labels", "labels.npy")
    assert found["token_hash"] == token_hash(labels[::-1])
    found = score_json(
        capsys, "base_logits.npy", "q4_logits.npy", *LOGITS, "--labels", "q4_clip16.kld"
    )
    assert found["token_hash"] == token_hash(labels)


def test_the_form_of_each_side(inside, capsys):
    logits = np.load("q4_logits.npy").astype(np.float64)
    probs = np.exp(logits - logits.max(1, keepdims=True))
    np.save("probs.npy", probs / probs.sum(1, keepdims=True))
    paths = ("base_clip16.kld", "probs.npy")
    assert score_json(capsys, *paths, "--form", "probs")["form"] == ["logits", "probs"]
    assert score_json(capsys, *paths, "--form", "logits,probs")["form"] == ["logits", "probs"]
    text = refused(capsys, "score", *paths, "--form", "probs,probs")
    assert text.startswith("base_clip16.kld: expected form logits")
    both = ("base_clip16.kld", "q4_clip16.kld")
    assert score_json(capsys, *both, "--temperature", "2")["temperature"] == 2
    assert "form" in refused(capsys, "score", *both, "--form", "logits,logits,logits")


def test_texts_that_differ_are_told_by_their_place(inside, capsys):
    contents = bytearray(Path("q4_clip16.kld").read_bytes())
    place = 20 + 4 * (2 * 64 + 10)
    contents[place : place + 4] = (5).to_bytes(4, "little")
    contents[place + 40 : place + 44] = (6).to_bytes(4, "little")
    Path("changed.kld").write_bytes(contents)
    text = refused(capsys, "score", "base_clip16.kld", "changed.kld")
    assert text.startswith("changed.kld: expected the tokens of base_clip16.kld")
    assert "in chunk 2 at position 10, found 5 (and 1 more differ)" in text


def test_a_batch_beside_its_rows(pair, capsys):
    p, q = pair
    np.save("batch.npy", q.reshape(3, 4, 30))
    np.save("turned.npy", p.reshape(4, 3, 30))
    expected = compare(p, q, form="logits").summary()["statistics"]
    assert score_json(capsys, "base.npy", "batch.npy", *LOGITS)["statistics"] == expected
    text = refused(capsys, "score", "turned.npy", "batch.npy", *LOGITS)
    assert "expected shape (4, 3, 30)" in text and "found (3, 4, 30)" in text


def cut_after(function):
    def function_and_cut(*arguments, **keywords):
        function(*arguments, **keywords)
        os.truncate("other.npy", 500)

    return function_and_cut


CUT_UNDER_THE_MAP = """
import os, sys
import kl_c, kl_c._formats.writers as writers
from kl_c._cli import main
def cut_before(function):
    def cut_and_function(*arguments, **keywords):  # what is mapped and not yet read is gone
        os.truncate("other.npy", 500)
        return function(*arguments, **keywords)
    return cut_and_function
kl_c.Comparison.update = cut_before(kl_c.Comparison.update)
writers.ArrayWriter.write = cut_before(writers.ArrayWriter.write)
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be cut on Windows")
@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "base.npy", "other.npy", *LOGITS, "--json", "out.json"),
        ("score", "base.npy", "other.npy", "--form", "counts"),  # a row of zeros is none
        ("convert", "other.npy", "out.npy"),
        ("convert", "other.npy", "out.safetensors"),
    ],
    ids=" ".join,
)
def test_a_file_cut_under_its_map_is_named(pair, arguments):
    """Without care the process would die of it, and without a word."""
    for name in ("base.npy", "other.npy"):
        np.save(name, np.ones((12, 5000), np.float32))
    size = os.path.getsize("other.npy")
    done = subprocess.run(
        [sys.executable, "-c", CUT_UNDER_THE_MAP, *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"kl-c: other.npy: expected {size} bytes")
    assert "found 500" in done.stderr
    assert not list(Path().glob("out*")) and not list(Path().glob(".*"))


GONE_FOR_A_MOMENT = """
import os
from kl_c._formats import InputError, open_rows
from kl_c._formats.rows import check_unchanged
file = open_rows("other.npy")
block = file.read(0, file.rows)
size = os.path.getsize("other.npy")
os.truncate("other.npy", 500)
print(block[-1, -1], block[6].sum())
os.truncate("other.npy", size)
try:
    check_unchanged(file)
except InputError as error:
    print(error)
check_unchanged(open_rows("other.npy"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be cut on Windows")
def test_a_file_that_was_shorter_for_a_moment_is_refused(pair):
    np.save("other.npy", np.ones((12, 5000), np.float32))
    done = subprocess.run(
        [sys.executable, "-c", GONE_FOR_A_MOMENT], capture_output=True, text=True, check=True
    )
    zeros, words = done.stdout.splitlines()
    assert zeros == "0.0 0.0"
    assert words.startswith("other.npy: expected a file that stays as it is, found")


def test_a_file_that_shrinks_while_it_is_scored_is_named(pair, capsys, monkeypatch):
    monkeypatch.setattr("kl_c._cli.scoring.BLOCK_BYTES", 2 * 30 * 4)  # a row at a time
    monkeypatch.setattr(kl_c.Comparison, "update", cut_after(kl_c.Comparison.update))
    size = os.path.getsize("other.npy")
    text = refused(capsys, "score", "base.npy", "other.npy", *LOGITS, "--json", "out.json")
    assert text.startswith(f"other.npy: expected {size} bytes as when it was opened, found 500")
    assert not os.path.exists("out.json")


def test_a_shard_is_not_written_over(pair, capsys):
    path = os.path.join("base", row_files.index_of_shards(Path("base"), pair[0]))
    (shard, *_) = Path("base").glob("shard-*")
    text = refused(capsys, "score", path, "other.npy", *LOGITS, "--json", shard)
    assert "found one of the inputs" in text


# convert


@pytest.mark.parametrize("write", row_files.EXACT, ids=lambda write: write.__name__)
@pytest.mark.parametrize("target", ["out.npy", "out.safetensors", "out.raw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", ">f8"])
def test_conversion_keeps_every_bit(pair, capsys, monkeypatch, write, target, dtype):
    rows = pair[0].astype(getattr(ml_dtypes, dtype, dtype))
    monkeypatch.setattr("kl_c._cli.convert.BLOCK_BYTES", 5 * rows[0].nbytes)
    source = write(Path(), rows)
    raw = ("--dtype", dtype, "--shape", "12x30") if write is row_files.raw else ()
    assert main(["convert", source, target, *raw]) == 0
    assert target in capsys.readouterr().out
    found = {
        "out.npy": lambda: np.load(target).view(rows.dtype.newbyteorder("<")),
        "out.safetensors": lambda: safetensors.numpy.load_file(target)["logits"],
        "out.raw": lambda: np.fromfile(target, rows.dtype.newbyteorder("<")).reshape(rows.shape),
    }[target]()
    little = rows.astype(rows.dtype.newbyteorder("<"))
    assert found.shape == rows.shape and found.tobytes() == little.tobytes()


@pytest.mark.parametrize("clip", [16, 24])
@pytest.mark.parametrize("model", ["base", "q4"])
def test_conversion_writes_llamacpps_own_bytes(inside, monkeypatch, model, clip):
    monkeypatch.setattr("kl_c._cli.convert.BLOCK_BYTES", 7 * 739 * 4)
    own = f"{model}_clip{clip}.kld"
    tokens = open_rows(own).tokens
    np.save("tokens.npy", tokens)
    np.save("line.npy", tokens.reshape(-1).astype(np.int64))
    source = f"{model}_logits.npy"
    for options in (("--tokens", "tokens.npy"), ("--tokens", "line.npy", "--n-ctx", "64")):
        assert main(["convert", source, "out.kld", "--clip", str(clip), *options]) == 0
        assert Path("out.kld").read_bytes() == Path(own).read_bytes()


def test_conversion_from_llamacpp_and_back(inside):
    assert main(["convert", "base_clip16.kld", "rows.npy"]) == 0
    file = open_rows("base_clip16.kld")
    rows = np.load("rows.npy")
    assert rows.shape == (5, 31, 739) and rows.dtype == np.float32
    assert rows.tobytes() == file.read(0, 155).tobytes()
    # The tokens come along, and rows that are clipped already keep their floor.
    assert main(["convert", "base_clip16.kld", "again.kld", "--clip", "24"]) == 0
    again = open_rows("again.kld")
    assert np.array_equal(again.tokens, file.tokens)
    assert np.all(again.floor(0, 155).span < 16.001)


def test_what_cannot_be_converted_is_told(inside, capsys):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 20)).astype(np.float32)
    files = {
        "logits": logits,
        "nan": np.where(np.arange(6)[:, None] == 4, np.nan, logits),
        "infinite": np.where(np.arange(6)[:, None] == 5, np.inf, logits),
        "probs": rng.dirichlet(np.ones(20), 6),
        "vector": logits[0],
        "complex": logits.astype(complex),
        "tokens": np.arange(14).reshape(2, 7),
        "line": np.arange(14),
        "large": np.full((2, 7), 20),
        "floats": np.zeros((2, 7)),
        "three": np.zeros((3, 7), int),
    }
    for name, array in files.items():
        np.save(f"{name}.npy", array)
    tokens = ("--tokens", "tokens.npy")
    before = sorted(os.listdir())
    for arguments, words in [
        (("logits.npy", "out"), ".safetensors"),
        (("logits.npy", "out.kld"), "expected --tokens"),
        (("logits.npy", "out.npy", *tokens), "--tokens: expected with _logits_, found npy"),
        (("logits.npy", "out.npy", "--clip", "16"), "--clip"),
        (("logits.npy", "out.kld", *tokens, "--clip", "20"), "--clip"),
        (("logits.npy", "out.kld", *tokens, "--n-ctx", "8"), "expected chunks of 8, found 7"),
        (("logits.npy", "out.kld", "--tokens", "line.npy"), "--n-ctx"),
        (("logits.npy", "out.kld", "--tokens", "line.npy", "--n-ctx", "4"), "14 in one line"),
        (("logits.npy", "out.kld", "--tokens", "large.npy"), "0 to 19, found 20 in chunk 0"),
        (("logits.npy", "out.kld", "--tokens", "floats.npy"), "expected integers"),
        (("logits.npy", "out.kld", "--tokens", "three.npy"), "expected 9 rows for 3 chunks"),
        (("nan.npy", "out.kld", *tokens), "found row 4 invalid (nan)"),
        (("infinite.npy", "out.kld", *tokens), "found row 5 invalid (infinite)"),
        (("probs.npy", "out.kld", *tokens), "expected logits, found"),
        (("vector.npy", "out.raw"), "expected rows x outcomes"),
        (("complex.npy", "out.kld", *tokens), "expected a real number type"),
        (("complex.npy", "out.safetensors"), "expected a real number type"),
        (("logits.npy", "logits.npy"), "found one of the inputs"),
        (("logits.npy", "nowhere/out.npy"), "existing directory"),
        (("nothing.npy", "out.npy"), "No such file"),
    ]:
        assert words in refused(capsys, "convert", *arguments), arguments
    assert sorted(os.listdir()) == before
    assert main(["convert", "probs.npy", "out.kld", *tokens, "--force-form"]) == 0


def test_minus_infinity_lies_at_the_floor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logits = np.zeros((1, 5), np.float32)
    logits[0, 2] = -np.inf
    row_files.write_logits("x.kld", np.zeros((1, 3)), logits)
    read = open_rows("x.kld").read(0, 1)
    assert np.isfinite(read).all()
    assert read[0].argmin() == 2


FILL_THE_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from kl_c._cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sets the largest size of a file, as on Unix")
@pytest.mark.parametrize("target", ["out.npy", "out.safetensors", "out.kld"])
def test_a_disk_that_fills_up_leaves_no_half_file(inside, target):
    Path(target).write_bytes(b"as it was")
    before = sorted(os.listdir())
    done = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, "convert", "base_clip16.kld", target],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"kl-c: {target}: expected to read or write it, found: File too")
    assert sorted(os.listdir()) == before
    assert Path(target).read_bytes() == b"as it was"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
def test_a_full_device_is_named(inside):
    for arguments in (
        ("convert", "base_clip16.kld", "/dev/full", "--to", "npy"),
        ("score", "base_clip16.kld", "q4_clip16.kld", "--json", "/dev/full"),
    ):
        said = run(*arguments, cwd=inside, code=2).stderr
        expected = "/dev/full: expected to read or write it, found: No space left on device"
        assert said == f"kl-c: {expected}\n"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from /proc")
def test_conversion_is_in_flat_memory(tmp_path, monkeypatch):
    """A compressed archive too, which cannot be mapped."""
    monkeypatch.chdir(tmp_path)
    rows = np.zeros((2000, 50_000), np.float32)  # 400 MB, of which no format keeps a copy
    np.savez_compressed("zeros.npz", rows)
    script = (
        "import sys; from kl_c._cli import main; assert main() == 0; "
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    np.savez_compressed("few.npz", rows[:1])
    for source in ("zeros.npz", "few.npz"):
        done = subprocess.run(
            [sys.executable, "-c", script, "convert", source, "out.safetensors"],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout.split()[-1]) * 1024)
    os.remove("out.safetensors")
    assert peaks[0] - peaks[1] < 3 * BLOCK_BYTES
