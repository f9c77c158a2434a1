"""The demo: its parts, what makes it fail, and that it gives back what it takes.

The runs here use a small vocabulary and few steps; `make demo` is the run at full size.
"""

import json
import sys
import tempfile

import numpy as np
import pytest

import limits
from kl_c import reference
from kl_c._cli import main
from kl_c._demo import checks, command, corpus, model, picture
from kl_c._demo.quantisation import BLOCK, quantise
from kl_c._errors import InputError
from small_demo import SMALL

BITS = range(2, 9)


# Quantisation


@pytest.mark.parametrize("bits", BITS)
def test_a_weight_moves_by_at_most_half_a_scale(bits):
    largest, scale = 2 ** (bits - 1) - 1, 2.0**-6  # a power of two: every step here is exact
    blocks = np.random.default_rng(bits).uniform(-1, 1, (50, BLOCK)).astype(np.float32)
    blocks *= largest * scale
    blocks[:, 7] = largest * scale
    stored = quantise(blocks, bits)
    assert np.all(stored.scales == scale)
    assert np.abs(stored.integers).max() == largest
    assert np.all(np.abs(stored.weights() - blocks) <= scale / 2)
    assert np.array_equal(quantise(stored.weights(), bits).integers, stored.integers)


def test_halves_round_to_the_even_integer_and_signs_are_symmetric():
    weights = np.array([7, 0.5, 1.5, 2.5, 0.49, 6.51], np.float32)
    assert quantise(weights, 4).integers[0, :6].tolist() == [7, 0, 2, 2, 0, 7]
    assert quantise(-weights, 4).integers[0, :6].tolist() == [-7, 0, -2, -2, 0, -7]


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_every_size_keeps_its_shape_and_its_blocks_apart(size):
    weights = np.arange(1, size + 1, dtype=np.float32)
    stored = quantise(weights, 8)
    assert stored.weights().shape == (size,)
    assert stored.weights().dtype == np.float32
    assert len(stored.scales) == -(-size // BLOCK)
    for block, scale in enumerate(stored.scales[:, 0]):
        end = min((block + 1) * BLOCK, size)
        assert scale == np.float32(end) / np.float32(127)


def test_blocks_run_along_rows():
    weights = np.ones((3, 2 * BLOCK), np.float32)
    weights[1, BLOCK - 1] = 70
    rounded = quantise(weights, 4).weights()
    weights[1, : BLOCK - 1] = 0  # 1 is less than half of 70 / 7
    assert np.array_equal(rounded, weights)


def test_blocks_of_zeros_and_of_the_smallest_numbers_become_finite():
    smallest = np.finfo(np.float32).smallest_subnormal
    weights = np.array([0] * BLOCK + [smallest] * BLOCK + [190 * smallest] * BLOCK, np.float32)
    stored = quantise(weights, 8)
    assert not stored.weights()[: 2 * BLOCK].any()
    assert stored.integers[2].tolist() == [127] * BLOCK


# Corpus


def write_sources(root, names, words=600):
    """Files that share two words and hold one of their own."""
    for name in names:
        path = root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(f"{path.stem} = one + two\n" * (words // 5))


NAMES = [f"{folder}/file_{i}.py" for folder in ("b", "a", "a/c") for i in range(9)]


def test_the_corpus_does_not_depend_on_the_order_of_the_file_system(tmp_path):
    write_sources(tmp_path / "x", NAMES)
    write_sources(tmp_path / "y", reversed(NAMES))
    one, other = (
        corpus.build_corpus(8, order=4, seed=3, root=tmp_path / name) for name in ("x", "y")
    )
    assert one.vocabulary == other.vocabulary
    for field in ("counts", "training", "contexts", "labels"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


def test_held_out_files_are_not_learnt_from(tmp_path):
    names = [f"file_{i}.py" for i in range(corpus.EXCERPTS + 4)]
    write_sources(tmp_path, names)
    text = corpus.build_corpus(7, order=4, seed=0, root=tmp_path)
    assert text.vocabulary[:5] == [corpus.UNKNOWN_WORD, "+", "=", "one", "two"]
    # Each excerpt begins with the name of its file, which returns as every fifth word.
    names_in_excerpt = -(-corpus.EXCERPT // 5)
    assert (text.labels == corpus.UNKNOWN).sum() == corpus.EXCERPTS * names_in_excerpt
    assert text.counts.sum() == len(text.training) == 4 * 600


def test_contexts_are_the_words_before_each_label(tmp_path):
    write_sources(tmp_path, [f"file_{i}.py" for i in range(corpus.EXCERPTS + 4)])
    text = corpus.build_corpus(7, order=4, seed=0, root=tmp_path)
    assert text.contexts.shape == (corpus.HELD_OUT, 4)
    whole = np.column_stack([text.contexts, text.labels])
    for excerpt in whole.reshape(corpus.EXCERPTS, corpus.EXCERPT, 5):
        assert np.array_equal(excerpt[1:, :-1], excerpt[:-1, 1:])


def test_another_seed_holds_other_files_out(tmp_path):
    write_sources(tmp_path, [f"file_{i}.py" for i in range(60)])
    found = {tuple(corpus.build_corpus(40, 4, seed, tmp_path).vocabulary) for seed in range(3)}
    assert len(found) == 3


def test_words_follow_the_declared_encoding_and_unreadable_files_have_none(tmp_path):
    latin, broken = tmp_path / "latin.py", tmp_path / "broken.py"
    latin.write_bytes("# coding: latin-1\nné = 12".encode("latin-1"))
    broken.write_bytes(b"\xff\xfe\xff")
    assert corpus.read_words(latin) == ["#", "coding", ":", "latin", "-", "1", "né", "=", "1", "2"]
    assert corpus.read_words(broken) == []
    assert corpus.read_words(tmp_path / "missing.py") == []


def test_a_stripped_library_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"expected more than 16 Python sources .* found 0"):
        corpus.build_corpus(10, order=4, seed=0, root=tmp_path)
    write_sources(tmp_path, NAMES)
    with pytest.raises(InputError, match=r"expected 10000 different words .* found \d+"):
        corpus.build_corpus(10_000, order=4, seed=0, root=tmp_path)


def test_this_python_carries_enough_text():
    text = corpus.build_corpus(command.VOCABULARY, model.ORDER, seed=0)
    assert len(set(text.vocabulary)) == command.VOCABULARY >= 20_000
    assert len(text.labels) >= 1000
    assert text.counts.min() > 0


# Model


def test_logits_are_the_formula():
    rng = np.random.default_rng(0)
    shapes = [(5, 3), (2, 3), (5, 3), (5,)]
    # Small integers: float32 adds and multiplies them without rounding.
    weights = model.LogBilinear(*(rng.integers(-4, 5, s).astype(np.float32) for s in shapes))
    contexts = np.array([[0, 1], [4, 4]], np.int32)
    logits = weights.logits(contexts)
    assert logits.dtype == np.float32
    for row, (before, last) in zip(logits, contexts, strict=True):
        h = weights.position_weights[0] * weights.embeddings[before]
        h = h + weights.position_weights[1] * weights.embeddings[last]
        expected = [h @ weights.outputs[word] + weights.biases[word] for word in range(5)]
        assert row.tolist() == expected


def test_training_learns_what_follows_what():
    text = np.tile(np.arange(10, dtype=np.int32), 500)
    trained = model.train(text, np.bincount(text), seed=0, steps=30)
    contexts = np.lib.stride_tricks.sliding_window_view(text[:20], model.ORDER)[:10]
    assert trained.logits(contexts).argmax(1).tolist() == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]


# Checks, each turned red


def test_a_base_no_better_than_word_counts_fails():
    assert checks.beats_unigram(99.9, 100).passed
    assert not checks.beats_unigram(100, 100).passed
    assert not checks.beats_unigram(float("nan"), 100).passed


@pytest.mark.parametrize(
    ("six", "four", "passed"),
    [
        ([1, 2], [2, 4], [True, True]),
        ([0, 2], [1, 4], [False, True]),  # rises by 1 with an error of exactly 1
        ([1, 2], [0, 2], [True, False]),
        ([1, np.nan], [2, 4], [False, False]),
        ([1, np.inf], [2, np.inf], [False, False]),
    ],
)
def test_a_mean_that_does_not_rise_by_more_than_its_error_fails(six, four, passed):
    with np.errstate(invalid="ignore"):  # inf - inf
        found = checks.rises({8: np.zeros(2), 6: np.array(six), 4: np.array(four)})
    assert [check.passed for check in found] == passed


def test_scores_beyond_the_limits_of_the_library_fail():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(3, 100)).astype(np.float32)
    copy = base + np.float32(0.01) * rng.normal(size=base.shape).astype(np.float32)
    exact = reference.kl_divergence(base, copy, form="logits")
    assert checks.equals_reference(4, base, copy, exact).passed
    for row in range(3):
        for wrong in (exact[row] * (1 + 1e-4), 0.0, np.nan, np.inf):
            scores = exact.copy()
            scores[row] = wrong
            assert not checks.equals_reference(4, base, copy, scores).passed


def test_the_demo_holds_the_library_to_the_limits_it_is_tested_by():
    assert checks.LIMITS == limits.NARROWER_LOG_KL


# Picture


@pytest.mark.parametrize("zeros", [0, 3, 10])
def test_the_picture_takes_scores_of_zero_and_infinity(tmp_path, zeros):
    scores = np.geomspace(1e-9, 1, 10)
    scores[:zeros] = 0
    scores[9:] = np.inf if zeros < 10 else 0
    path = tmp_path / "picture.png"
    picture.draw(path, {8: scores, 6: scores, 4: scores})
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


# The whole of it, small


@pytest.fixture(scope="module")
def small_text():
    return corpus.build_corpus(SMALL["VOCABULARY"], model.ORDER, seed=0)


@pytest.fixture
def small(monkeypatch, tmp_path, small_text):
    """A demo of a second or two that must leave ``tmp_path / "disk"`` empty."""
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    for name, value in SMALL.items():
        monkeypatch.setattr(command, name, value)
    monkeypatch.setattr(command, "build_corpus", lambda *_: small_text)

    def run(*options):
        return main(["demo", "--plot", str(tmp_path / "kl.png"), *options])

    yield run
    assert list(disk.iterdir()) == []


def test_a_run_shows_what_it_must(small, tmp_path, capsys):
    assert small("--json", str(tmp_path / "demo.json")) == 0
    result = json.loads((tmp_path / "demo.json").read_text())
    assert len(result["checks"]) == 6
    assert all(check["passed"] for check in result["checks"])
    assert result["perplexity"]["base"] < result["perplexity"]["unigram"]
    means = [result["scores"][bits]["statistics"]["kl"]["mean"] for bits in ("8", "6", "4")]
    assert 0 < means[0] < means[1] < means[2]
    assert (tmp_path / "kl.png").read_bytes().startswith(b"\x89PNG")
    captured = capsys.readouterr()
    assert captured.err == ""
    for number in ("8", "6", "4"):
        assert f"score of the {number}-bit copy" in captured.out
    assert "All 6 checks hold" in captured.out


def test_kept_files_score_the_same_again(small, tmp_path, capsys):
    keep = tmp_path / "kept"
    assert small("--keep", str(keep)) == 0
    shape = (corpus.HELD_OUT, command.VOCABULARY)
    for name in ("base.npy", "8-bit.npy", "6-bit.npy", "4-bit.npy"):
        logits = np.load(keep / name, mmap_mode="r")
        assert (logits.shape, logits.dtype) == (shape, np.float32)
    again = tmp_path / "again.npz"
    files = [str(keep / name) for name in ("base.npy", "4-bit.npy")]
    assert main(["score", *files, "--form", "logits", "--rows", str(again)]) == 0
    with np.load(again) as one, np.load(keep / "4-bit.npz") as other:
        assert np.array_equal(one["kl"], other["kl"])


def lose_all_learning(monkeypatch):
    def train(training, counts, seed, steps):
        rng = np.random.default_rng(seed)
        trained = model.train(training, counts, seed, 1)
        return trained._replace(biases=rng.normal(size=len(counts)).astype(np.float32))

    monkeypatch.setattr(command, "train", train)


def swap_the_bits(monkeypatch):
    monkeypatch.setattr(command, "quantise", lambda weights, bits: quantise(weights, 12 - bits))


def shift_the_reference(monkeypatch):
    kl_divergence = reference.kl_divergence

    def shifted(*args, **keywords):
        value, bound = kl_divergence(*args, **keywords)
        return value * (1 + 1e-4), bound

    monkeypatch.setattr(reference, "kl_divergence", shifted)


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lose_all_learning, "perplexity of the base"),
        (swap_the_bits, "mean KL from 8 to 6 bits"),
        (shift_the_reference, "50 rows at 8 bits against kl_c.reference"),
    ],
)
def test_a_run_that_does_not_show_it_fails(small, monkeypatch, capsys, plant, sentence):
    plant(monkeypatch)
    assert small() == 1
    captured = capsys.readouterr()
    assert f"kl-c demo: failed: {sentence}" in captured.err
    assert "checks hold" not in captured.out


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (OSError("full"), 2)])
@pytest.mark.parametrize("stage", ["train", "quantise", "Comparison", "picture"])
def test_the_disk_is_given_back_whatever_happens(small, monkeypatch, capsys, stage, error, code):
    class Stops:
        def __call__(self, *_):
            raise error

        load = draw = __call__

    monkeypatch.setattr(command, stage, Stops())
    assert small() == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_score_that_fails_ends_the_demo_with_its_code(small, monkeypatch, capsys):
    text = command.build_corpus()
    beyond = text._replace(labels=np.where(text.labels == 5, command.VOCABULARY, text.labels))
    monkeypatch.setattr(command, "_perplexities", None)  # not reached
    monkeypatch.setattr(command, "build_corpus", lambda *_: beyond)
    assert small() == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_matplotlib_the_picture_alone_is_missing(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert small() == 0
    assert "pip install matplotlib" in capsys.readouterr().out
    assert not (tmp_path / "kl.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--plot", "kl.bmp"], "kl.bmp: expected a name that ends in .png, .pdf or .svg"),
        (["--plot", "nowhere/kl.png"], "nowhere/kl.png: expected a directory nowhere, found none"),
        (["--json", "nowhere/kl.json"], "expected a directory nowhere, found none"),
        (["--seed", "-1"], "expected a whole number from 0 on, got '-1'"),
    ],
)
def test_wrong_usage_is_refused_before_any_work(small, capsys, options, message):
    assert small(*options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_full_disk_is_refused_before_any_work(small, monkeypatch, capsys):
    usage = command.shutil.disk_usage(".")._replace(free=10**6)
    monkeypatch.setattr(command.shutil, "disk_usage", lambda _: usage)
    assert small() == 2
    assert "MB of free disk space, found 1 MB" in capsys.readouterr().err
