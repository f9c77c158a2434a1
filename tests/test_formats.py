"""Readers of rows: the same data in every format, damaged files, files that change, huge files."""

import json
import os
import subprocess
import sys
import zipfile

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import limits
import row_files
from kl_c._formats import InputError, RawLayout, open_rows
from kl_c._formats.rows import check_unchanged, token_hash
from kl_c._formats.safetensors import DTYPES

SHAPE = (12, 37)


def sample(shape=SHAPE, dtype=np.float32, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


def whole(file):
    return file.read(0, file.rows)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(path, raw=None):
    with pytest.raises(InputError) as caught:
        file = open_rows(path, raw)
        whole(file)
    text = str(caught.value)
    assert text.startswith(path.split(":")[0]) and "expected" in text and "found" in text
    return text


# The same rows


@pytest.mark.parametrize("write", row_files.EXACT, ids=lambda write: write.__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [SHAPE, (12, 2, 19)])
def test_every_reader_gives_the_rows(inside, write, dtype, shape):
    rows = sample(shape, np.dtype(getattr(ml_dtypes, dtype, dtype)))
    file = open_rows(write(inside, rows), row_files.layout(write, rows))
    flat = rows.reshape(-1, shape[-1])
    assert (file.shape, file.dtype, file.rows) == (shape, rows.dtype, len(flat))
    assert file.row_bytes == flat[0].nbytes
    assert file.form is file.labels is file.groups is None
    for start in (0, 5, 3, 11):  # backwards too, and across the borders of shards
        for stop in (start, start + 1, min(start + 7, len(flat))):
            block = file.read(start, stop)
            assert block.dtype == rows.dtype and block.shape == (stop - start, shape[-1])
            assert block.tobytes() == flat[start:stop].tobytes()


def test_a_stored_array_is_mapped_and_not_copied(inside):
    rows = sample()
    for write in row_files.SINGLE:
        block = open_rows(write(inside, rows), row_files.layout(write, rows)).read(2, 5)
        assert isinstance(block, np.memmap) == (write is not row_files.npz_compressed), write


def test_the_safetensors_library_and_numpy_agree_on_every_dtype(inside):
    for name, numpy_name in DTYPES.items():
        dtype = np.dtype(getattr(ml_dtypes, numpy_name, numpy_name))
        rows = np.arange(-4, 4).reshape(2, 4).astype(dtype)
        safetensors.numpy.save_file({"x": rows}, "one.safetensors")
        file = open_rows("one.safetensors")
        assert file.dtype == dtype, name
        assert whole(file).tobytes() == rows.tobytes()


def test_names_with_colons_and_files_with_any_name(inside):
    rows = sample()
    safetensors.numpy.save_file({"model:logits": rows, "x": rows[:1]}, "a:b.npy")
    assert whole(open_rows("a:b.npy:model:logits")).tobytes() == rows.tobytes()
    np.save("really.npy", rows)
    os.rename("really.npy", "called.safetensors")
    assert open_rows("called.safetensors").format == "npy"


def test_spacing_is_the_gap_to_the_next_number(inside):
    for dtype in ("float64", "float32", "float16"):
        rows = sample(dtype=dtype)
        np.save("rows.npy", rows.astype(rows.dtype.newbyteorder(">")))
        gap = np.nextafter(np.abs(rows), np.array(np.inf, dtype)) - np.abs(rows)
        np.testing.assert_array_equal(open_rows("rows.npy").spacing(3, 7), gap[3:7])
    rows = sample(dtype=ml_dtypes.bfloat16)
    np.save("rows.npy", rows)
    bits = np.abs(rows).view(np.uint16)
    gap = (bits + 1).view(rows.dtype).astype(float) - np.abs(rows).astype(float)
    np.testing.assert_array_equal(open_rows("rows.npy").spacing(0, 12).astype(float), gap)


def test_a_fingerprint_tells_files_apart_and_knows_copies(inside):
    rows = sample((1200, 300))  # larger than what is sampled
    np.save("a.npy", rows)
    np.save("copy.npy", rows)
    rows[-1, -1] += 1
    np.save("other.npy", rows)
    a, copy, other = (open_rows(f"{name}.npy").facts() for name in ("a", "copy", "other"))
    assert a["bytes"] == os.path.getsize("a.npy")
    assert a["sampled_hash"] == copy["sampled_hash"] != other["sampled_hash"]


def test_the_hash_of_tokens_is_of_their_values():
    tokens = np.array([3, 1, 2])
    assert token_hash(tokens) == token_hash(tokens.astype(">i2"))
    assert token_hash(tokens) != token_hash(tokens[::-1])


# Damaged files


def places_to_cut(size):
    """Every byte of what can be a header, some of the data, every byte of the end."""
    inside = range(400, size - 200, 101)
    return sorted({*range(min(400, size)), *inside, *range(max(0, size - 200), size)})


@pytest.mark.parametrize("write", row_files.SINGLE, ids=lambda write: write.__name__)
def test_a_file_cut_anywhere_is_refused(inside, write):
    rows = sample()
    path = write(inside, rows)
    file = path.split(":")[0]
    good = (inside / file).read_bytes()
    for size in places_to_cut(len(good)):
        (inside / file).write_bytes(good[:size])
        refused(path, row_files.layout(write, rows))


@pytest.mark.parametrize(
    "write", [row_files.safetensors_file, row_files.raw], ids=lambda write: write.__name__
)
def test_a_file_that_is_too_long_is_refused(inside, write):
    rows = sample()
    path = write(inside, rows)
    with open(path, "ab") as file:
        file.write(b"\0")
    assert str(os.path.getsize(path)) in refused(path, row_files.layout(write, rows))


@pytest.mark.parametrize("write", row_files.EXACT, ids=lambda write: write.__name__)
def test_a_file_that_shrinks_while_it_is_read_is_named(inside, write):
    rows = sample((12, 5000))
    file = open_rows(write(inside, rows), row_files.layout(write, rows))
    file.read(0, 2)
    os.truncate(file.files[-1], 200)
    with pytest.raises(InputError, match=r"expected .* found") as caught:
        file.read(10, 12)
    assert str(caught.value).split(":")[0] in (file.path.split(":")[0], *file.files)
    with pytest.raises(InputError, match="shrank"):
        check_unchanged(file)


def safetensors_bytes(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(begin, end, shape=(2, 2), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (safetensors_bytes({"x": entry(0, 16)}, b"\0" * 12), "truncated"),
        (safetensors_bytes({"x": entry(0, 12)}, b"\0" * 12), "expected 16 bytes for F32"),
        (safetensors_bytes({"x": entry(4, 20)}, b"\0" * 20), "leave a hole"),
        (
            safetensors_bytes({"x": entry(0, 16), "y": entry(8, 24)}, b"\0" * 24),
            "x and y overlap",
        ),
        (safetensors_bytes({"x": entry(16, 0)}, b"\0" * 16), "expected"),
        (safetensors_bytes({"x": entry(0, 16, (-2, -2))}, b"\0" * 16), "-2"),
        (safetensors_bytes({"x": entry(0, 16, (2.0, 2))}, b"\0" * 16), "2.0"),
        (safetensors_bytes({"x": entry(0, 4, dtype="F8_E4M3")}, b"\0" * 4), "F8_E4M3"),
        (safetensors_bytes({"x": {"dtype": "F32"}}), "data_offsets"),
        (safetensors_bytes({"x": 1}), "header"),
        (safetensors_bytes(b'{"x": [}'), "header"),
        (safetensors_bytes(b'{"x": {}, "x": {}}'), "twice"),
        (safetensors_bytes(b"{" * 100_000), "header"),
        (safetensors_bytes({}), "found the tensors none"),
        ((10**12).to_bytes(8, "little") + b"{}", "begins with"),
        ((10**6).to_bytes(8, "little") + b"{}", "1000000 bytes, found 2"),
        (b"PK\x03\x04" + b"\0" * 40, "a whole .npz"),
        (b"PAR", "begins with b'PAR'"),
        (b"{}", "weight_map"),
        (b'{"weight_map": {"x": 3}}', "weight_map"),
        (b'{"weight_map": [', "weight_map"),
    ],
)
def test_what_a_header_may_not_say(inside, contents, words):
    (inside / "bad").write_bytes(contents)
    assert words in refused("bad")


def test_a_name_that_is_not_there_lists_those_that_are(inside):
    rows = sample()
    np.savez("two.npz", logits=rows, tokens=rows)
    safetensors.numpy.save_file({"logits": rows, "tokens": rows}, "two.safetensors")
    row_files.index_of_shards(inside, rows)
    for path in ("two.npz", "two.safetensors"):
        assert f"{path}:NAME" in refused(path)
        assert "found" in refused(f"{path}:logit") and "logits, tokens" in refused(f"{path}:logit")
    assert "rows.1, rows.2" in refused("shards.safetensors.index.json:logits")
    np.save("one.npy", rows)
    assert "a single one" in refused("one.npy:logits")


def test_what_a_zip_may_not_hold(inside):
    np.savez_compressed("fortran.npz", np.asfortranarray(sample()))
    assert "Fortran order" in refused("fortran.npz")
    with zipfile.ZipFile("text.npz", "w") as archive:
        archive.writestr("x.npy", "no array")
    assert "found" in refused("text.npz")
    good = sample((40, 100))
    np.savez_compressed("damaged.npz", good)
    contents = bytearray((inside / "damaged.npz").read_bytes())
    contents[5000] ^= 255
    (inside / "damaged.npz").write_bytes(contents)
    refused("damaged.npz")


def test_fortran_order_in_a_stored_npz(inside):
    rows = sample()
    np.savez("fortran.npz", np.asfortranarray(rows))
    np.testing.assert_array_equal(whole(open_rows("fortran.npz")), rows)


def test_raw_numbers_need_their_layout(inside):
    rows = sample()
    path = row_files.raw(inside, rows)
    assert "--dtype and --shape" in refused(path)
    assert f"expected {2 * rows.nbytes} bytes" in refused(path, RawLayout(rows.dtype, (24, 37)))
    np.save("rows.npy", rows)  # a layout does not hide what the file says
    assert open_rows("rows.npy", RawLayout(rows.dtype, (1, 1))).shape == rows.shape


# Shards


def test_shards_of_an_index_are_all_there_and_apart(inside):
    rows = sample()
    path = row_files.index_of_shards(inside, rows)
    first, second = sorted(file.name for file in inside.glob("shard-*"))
    index = json.loads((inside / path).read_text())

    def with_map(weight_map):
        (inside / "changed.json").write_text(json.dumps({"weight_map": weight_map}))
        return refused("changed.json")

    assert "no such file" in with_map(index["weight_map"] | {"rows.3": "shard-3.safetensors"})
    assert "no tensor of that name" in with_map(index["weight_map"] | {"rows.3": first})
    both = {"rows.1": rows, "rows.2": rows}
    safetensors.numpy.save_file(both, second)
    assert "overlap" in refused(path)
    os.remove(second)
    assert second in refused(path)


def test_numbered_parts_are_all_there(inside):
    rows = sample()
    for names, words in [
        (("rows.0", "rows.2"), "found no 1"),
        (("rows.3", "rows.4"), "found no 1, 2"),
    ]:
        safetensors.numpy.save_file(dict.fromkeys(names, rows), "parts.safetensors")
        assert words in refused("parts.safetensors:rows")
    safetensors.numpy.save_file({"rows.1": rows, "rows.2": rows[:, 1:].copy()}, "x.safetensors")
    assert "expected rows as in x.safetensors:rows.1" in refused_member("x.safetensors:rows")


def refused_member(path):
    with pytest.raises(InputError) as caught:
        open_rows(path)
    return str(caught.value)


def test_files_of_a_pattern_are_all_there_and_apart(inside):
    rows = sample()
    for number in (1, 2, 4):
        np.save(f"dump-{number:05d}-of-00004.npy", rows)
    assert "found no 3" in refused("dump-*.npy")
    os.rename("dump-00004-of-00004.npy", "dump-00003-of-00003.npy")
    assert "one count" in refused("dump-*.npy")
    for name in ("a", "b"):
        np.save(f"{name}1.npy", rows)
    os.symlink("a1.npy", "a2.npy")
    assert "found a1.npy again as a2.npy" in refused("a?.npy")
    assert "No such file" in refused("nothing-*.npy")


# Huge files

HUGE = 50 * 10**9
OPEN_HUGE = """
import sys, time
from kl_c._formats import RawLayout, open_rows
import numpy as np, resource
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
open_rows("small.npy").facts()  # what is imported on use
before = peak()
path, shape = sys.argv[1], tuple(map(int, sys.argv[2].split("x")))
times = []
for _ in range(3):
    start = time.perf_counter()
    file = open_rows(path, RawLayout(np.dtype(np.float32), shape) if path == "raw" else None)
    file.facts()
    times.append(time.perf_counter() - start)
assert file.shape == shape, file.shape
file.read(file.rows - 1, file.rows)
print(min(times), peak() - before)
"""


def make_huge(folder, kind):
    """A file with a hole of 50 GB, and its shape."""
    outcomes = 128_000
    shape = (HUGE // (4 * outcomes), outcomes)
    if kind == "npy":
        np.lib.format.open_memmap("npy", "w+", np.float32, shape)
    elif kind == "safetensors":
        header = {"x": entry(0, 4 * shape[0] * shape[1], shape)}
        contents = safetensors_bytes(header)
        (folder / kind).write_bytes(contents)
        os.truncate(kind, len(contents) + 4 * shape[0] * shape[1])
    elif kind == "raw":
        (folder / kind).write_bytes(b"")
        os.truncate(kind, 4 * shape[0] * shape[1])
    else:
        n_chunk = 700
        shape = (n_chunk, 255, 151_936)
        counts = np.array([512, shape[-1], n_chunk], "<i4")
        (folder / kind).write_bytes(b"_logits_" + counts.tobytes())
        os.truncate(kind, 20 + 4 * n_chunk * 512 + n_chunk * 255 * 303_880)
    assert os.path.getsize(kind) > HUGE * 0.99
    return shape


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from /proc")
@pytest.mark.parametrize("kind", ["npy", "safetensors", "raw", "_logits_"])
def test_opening_50_gigabytes_costs_next_to_nothing(inside, kind):
    np.save("small.npy", sample())
    shape = make_huge(inside, kind)
    done = subprocess.run(
        [sys.executable, "-c", OPEN_HUGE, kind, "x".join(map(str, shape))],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, grown = map(float, done.stdout.split())
    os.remove(kind)
    assert seconds < limits.OPENING_SECONDS
    assert grown < limits.OPENING_BYTES
