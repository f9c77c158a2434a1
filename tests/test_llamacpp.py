"""llama.cpp's reference logits: read and written, against files that its own program wrote."""

import io
from pathlib import Path

import numpy as np
import pytest

import kl_c
import limits
import row_files
from kl_c import Comparison, _kernels
from kl_c._formats import InputError, open_rows
from kl_c._formats.llamacpp import Layout, clip_of
from kl_c._formats.llamacpp_writer import LogitsWriter, encode

FILES = Path(__file__).with_name("llamacpp")
MODELS = ("base", "q4")
CLIPS = (16, 24)
every_file = pytest.mark.parametrize("clip", CLIPS)
every_model = pytest.mark.parametrize("model", MODELS)


def path_of(model, clip):
    return str(FILES / f"{model}_clip{clip}.kld")


def opened(model, clip):
    file = open_rows(path_of(model, clip))
    return file, np.load(FILES / f"{model}_logits.npy")


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


# The format


@pytest.mark.parametrize(
    ("logits", "row"),
    [
        ([2, 1, 0, -1, -30], "80008039828583c1ffffffefffdfffcf00000000"),
        ([3, 3, 3, 3], "000000001872b1bf0000000000000000"),
    ],
)
def test_known_rows(logits, row):
    assert encode(np.array([logits], np.float32), 16).tobytes().hex() == row


def test_known_sizes():
    layout = Layout(512, 151_936, 3)
    assert (layout.row_words, layout.n_tok, layout.first) == (151_940, 255, 256)
    assert layout.size == 20 + 4 * 3 * 512 + 3 * 255 * 303_880
    assert Layout(512, 32_001, 1).row_words == 32_006


@every_file
@every_model
@pytest.mark.parametrize("block", [155, 31, 2])
def test_the_writer_writes_the_programs_own_bytes(model, clip, block):
    file, logits = opened(model, clip)
    written = io.BytesIO()
    writer = LogitsWriter(written, file.tokens, logits.shape[1], clip)
    for start in range(0, len(logits), block):
        writer.write(logits[start : start + block])
    assert written.getvalue() == Path(path_of(model, clip)).read_bytes()


@every_file
@every_model
def test_the_reader_gives_scale_times_code_plus_floor(model, clip):
    file, logits = opened(model, clip)
    assert (file.shape, file.dtype, file.form) == ((5, 31, 739), np.float32, "logits")
    contents = Path(path_of(model, clip)).read_bytes()[20 + 4 * 5 * 64 :]
    rows = np.frombuffer(contents, "<u2").reshape(155, 744)
    head = rows[:, :4].copy().view("<f4")
    expected = head[:, :1] * rows[:, 4:743].astype(np.float32) + head[:, 1:]
    assert expected.dtype == np.float32
    for start, stop in [(0, 155), (40, 41), (100, 155), (3, 3)]:
        assert file.read(start, stop).tobytes() == expected[start:stop].tobytes()
    # Within half a step of the logits as they were, where they are above the floor.
    error = np.abs(expected - log_softmax(logits))
    above = rows[:, 4:743] > 0
    assert np.all((error <= head[:, :1] / 2 + limits.LOGITS_ROUNDINGS)[above])
    spacing = np.where(rows[7:9, 4:743] == 65535, 0, head[7:9, :1])  # the top is stored exactly
    assert np.array_equal(file.spacing(7, 9), spacing)


def test_rows_that_are_longer_than_what_is_decoded_at_once(tmp_path):
    rows = np.random.default_rng(0).normal(size=(6, 70_001)).astype(np.float32)
    row_files.write_logits(tmp_path / "x", np.zeros((2, 8), int), rows)
    file = open_rows(str(tmp_path / "x"))
    error = np.abs(file.read(0, 6) - log_softmax(rows))
    assert np.all(error <= file.spacing(0, 6) / 2 + limits.LOGITS_ROUNDINGS)
    assert file.read(2, 3).tobytes() == file.read(0, 6)[2:3].tobytes()
    first = file.read(0, 2)
    kept = first.copy()
    file.read(3, 5)
    assert np.array_equal(first, kept)  # what somebody holds is not written over


@pytest.mark.parametrize("workers", [1, 2, -1])
def test_decoded_rows_are_those_of_any_workers(tmp_path, workers):
    rows = np.random.default_rng(1).normal(scale=9, size=(12, 40_000)).astype(np.float32)
    row_files.write_logits(tmp_path / "x", np.zeros((4, 8), int), rows)
    file = open_rows(str(tmp_path / "x"))
    file.workers = workers
    block, floor = file.read(0, 12).copy(), file.floor(0, 12)
    words = np.fromfile(tmp_path / "x", "<u2")[-12 * (40_000 + 4) :].reshape(12, -1)
    head, codes = np.ascontiguousarray(words[:, :4]).view("<f4"), words[:, 4:]
    assert np.array_equal(block, head[:, :1] * codes.astype(np.float32) + head[:, 1:])
    assert np.array_equal(floor.above, np.count_nonzero(codes, axis=1))
    assert np.array_equal(floor.depth, -head[:, 1].astype(float))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 1.7, "base": 2},
        {"k": 5, "outcomes": 739},
        {"outcomes": 700, "k": 3},
        {"eps": 1e-4},
        {"form": ("logits", "log_probs"), "temperature": 0.5, "invalid": "nan"},
    ],
    ids=str,
)
def test_rows_are_compared_as_they_are_stored(settings, workers):
    """To the bits of what they are decoded to, on either side, in blocks, with labels and mask."""
    p, _ = opened("base", 16)
    q, _ = opened("q4", 16)
    mask = np.arange(155) % 9 != 4
    expected, *found = (
        Comparison(**{"form": "logits", "workers": workers} | settings) for _ in range(4)
    )
    for start, stop in [(0, 62), (62, 63), (63, 155)]:
        rows = [[file.read(start, stop), file.stored(start, stop)] for file in (p, q)]
        given = {"labels": p.labels[start:stop], "mask": mask[start:stop]}
        expected.update(rows[0][0], rows[1][0], **given)
        for comparison, which in zip(found, [(1, 1), (0, 1), (1, 0)], strict=True):
            comparison.update(rows[0][which[0]], rows[1][which[1]], **given)
        floor = p.floor(start, stop)  # counted with the comparison
        assert np.array_equal(floor.above, np.count_nonzero(rows[0][1].codes(), axis=1))
    for comparison in found:
        assert comparison._columns().keys() == expected._columns().keys()
        for name, column in expected._columns().items():
            assert column.tobytes() == comparison._columns()[name].tobytes(), name


def test_stored_rows_are_the_array_that_they_stand_for():
    file, _ = opened("base", 16)
    stored, rows = file.stored(3, 9), file.read(3, 9)
    assert np.array_equal(np.asarray(stored), rows) and np.asarray(stored).dtype == np.float32
    assert (len(stored), stored.shape, stored.ndim) == (6, (6, 739), 2)
    assert np.array_equal(stored.reshape(2, 3, 739), rows.reshape(2, 3, 739))
    assert np.array_equal(stored[2:4].copy(), rows[2:4])
    assert np.array_equal(stored[np.array([0, 5]), np.array([7, 738])], rows[[0, 5], [7, 738]])
    for words, outcomes in [(stored.words, 742), (stored.words[:, ::2], 5), (stored.codes(), -1)]:
        with pytest.raises(ValueError, match="must hold a scale, a floor and every outcome"):
            _kernels.CodedRows(words, outcomes)


# Tokens


def test_labels_and_groups():
    file, _ = opened("base", 16)
    n_ctx, tokens = 64, np.frombuffer(Path(path_of("base", 16)).read_bytes()[20:1300], "<i4")
    expected = [
        (tokens[chunk * n_ctx + position + 1], chunk)
        for chunk in range(5)
        for position in range(n_ctx // 2, n_ctx - 1)
    ]
    assert list(zip(file.labels, file.groups, strict=True)) == expected
    assert np.array_equal(file.tokens.reshape(-1), tokens)


@pytest.mark.parametrize("n_ctx", [3, 4, 5, 8, 9])
def test_every_length_of_a_chunk(tmp_path, n_ctx):
    layout = Layout(n_ctx, 7, 3)
    tokens = np.arange(3 * n_ctx).reshape(3, n_ctx) % 7
    rows = np.random.default_rng(0).normal(size=(layout.rows, 7)).astype(np.float32)
    row_files.write_logits(tmp_path / "x", tokens, rows)
    file = open_rows(str(tmp_path / "x"))
    scored = [(chunk, j) for chunk in range(3) for j in range(n_ctx // 2, n_ctx - 1)]
    assert file.rows == len(scored) == len(file.labels)
    assert file.labels.tolist() == [tokens[chunk, j + 1] for chunk, j in scored]
    assert file.groups.tolist() == [chunk for chunk, _ in scored]


def test_several_files_are_one_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 7, (5, 8))
    rows = rng.normal(size=(15, 7)).astype(np.float32)
    row_files.write_logits("part-1.kld", tokens[:2], rows[:6])
    row_files.write_logits("part-2.kld", tokens[2:], rows[6:])
    row_files.write_logits("whole.kld", tokens, rows)
    parts, whole = open_rows("part-*.kld"), open_rows("whole.kld")
    assert (parts.shape, parts.form) == (whole.shape, whole.form)
    for name in ("tokens", "labels", "groups"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name)), name
    for start, stop in ((0, 15), (4, 9), (7, 7)):
        assert np.array_equal(parts.read(start, stop), whole.read(start, stop))
        for mine, its in zip(parts.floor(start, stop), whole.floor(start, stop), strict=True):
            assert np.array_equal(mine, its)


# What clipping took


@every_file
@every_model
def test_the_clip_is_read_off_the_rows(model, clip):
    file, _ = opened(model, clip)
    assert clip_of(file.floor(0, file.rows).span) == clip


def test_the_clip_is_not_told_where_no_row_reaches_it():
    for spans, clip in [
        ([3, 15.99], None),
        ([3, 16], 16),
        ([3, 16, 17], 24),
        ([3, 24.0001], 24),
        ([25], None),
        ([], None),
    ]:
        assert clip_of(np.array(spans)) == clip


@every_file
@every_model
def test_the_mass_at_the_floor_is_bounded(model, clip):
    file, logits = opened(model, clip)
    floor = file.floor(0, file.rows)
    read = file.read(0, file.rows)
    at_floor = read == read.min(axis=1, keepdims=True)
    assert np.array_equal(floor.share, at_floor.mean(axis=1))
    true_mass = np.where(at_floor, np.exp(log_softmax(logits)), 0).sum(axis=1)
    assert np.all(true_mass <= floor.mass)
    if clip == 16:  # there is something to bound
        assert np.all(floor.mass > 0) and floor.share.mean() > 0.1


def test_rows_at_the_floor_are_no_log_probs_but_are_scored(tmp_path):
    """Why the form of such a file is logits: a peak over a large vocabulary sums to 1.017."""
    rows = np.full((1, 151_936), -40, np.float32)
    rows[0, 7] = 0
    row_files.write_logits(tmp_path / "x", np.zeros((1, 3), int), rows)
    read = open_rows(str(tmp_path / "x")).read(0, 1)
    assert kl_c.ROW_RULES[kl_c.check_rows(read, form="log_probs")[0]] == "mass"
    assert kl_c.entropy(read, form="logits")[0] > 0.1


# Damaged files


@pytest.fixture
def good(tmp_path):
    return bytearray(Path(path_of("base", 16)).read_bytes()), tmp_path / "x.kld"


def refused(path, contents):
    path.write_bytes(contents)
    with pytest.raises(InputError) as caught:
        open_rows(str(path)).labels  # noqa: B018
    text = str(caught.value)
    assert text.startswith(f"{path}: expected") and "found" in text
    return text


def test_a_file_cut_anywhere_is_refused(good):
    contents, path = good
    for size in [*range(1310), *range(1310, len(contents), 1009), len(contents) - 1]:
        refused(path, contents[:size])


def test_the_whole_rows_of_a_truncated_file_are_counted(good):
    contents, path = good
    text = refused(path, contents[: 1300 + 100 * 1488 + 1487])
    assert "expected 231940 bytes for 5 chunks x 31 rows of 739 outcomes" in text
    assert "found 151587, which holds 100 whole rows" in text
    assert "within the tokens" in refused(path, contents[:1299])
    assert "3 bytes too long" in refused(path, contents + b"abc")


@pytest.mark.parametrize(
    ("place", "number", "words"),
    [
        (8, 2, "n_ctx of at least 3, found 2"),
        (8, -1, "n_ctx"),
        (8, 2**31 - 1, "231940"),
        (12, 0, "n_vocab of at least 1, found 0"),
        (12, -739, "n_vocab"),
        (12, 2**31 - 1, "231940"),
        (16, 0, "n_chunk of at least 1, found 0"),
        (16, 2**31 - 1, "231940"),
        (20 + 4 * 33, 739, "0 to 738, found 739 in chunk 0 at position 33"),
        (20 + 4 * (64 * 4 + 63), -1, "found -1 in chunk 4 at position 63"),
    ],
)
def test_absurd_numbers(good, place, number, words):
    contents, path = good
    contents[place : place + 4] = number.to_bytes(4, "little", signed=True)
    assert words in refused(path, contents)


def test_the_magic_is_what_tells(good):
    contents, path = good
    contents[0:8] = b"_logitz_"
    assert "begins with b'_logitz_" in refused(path, contents)


def test_a_row_without_a_scale(good):
    contents, path = good
    contents[1300 + 1488 * 3 : 1304 + 1488 * 3] = np.float32(np.nan).tobytes()
    path.write_bytes(contents)
    file = open_rows(str(path))
    file.read(0, 3)
    with pytest.raises(InputError, match="finite scale and floor in row 3"):
        file.read(2, 5)
