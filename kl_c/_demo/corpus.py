"""Text that every Python carries: the sources and docstrings of its standard library.

A word is an identifier or a word of prose, one digit, or one mark. The vocabulary is counted on the
training files alone; the held-out excerpts come from files that no training word was read from.
"""

import os
import re
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError

__all__ = ["HELD_OUT", "Corpus", "build_corpus", "read_words", "source_files"]

Tokens = NDArray[np.int32]  # words as their places in the vocabulary

WORD = re.compile(r"[^\W\d]\w*|\d|[^\w\s]")
UNKNOWN = 0  # place of every word outside the vocabulary, which is sorted by count from place 1 on
UNKNOWN_WORD = "<unknown>"  # no text holds it: WORD splits it into three

# Installed packages are not the standard library, tests are not installed everywhere, and the
# tables of encodings hold numbers, not text.
LEFT_OUT = {"__pycache__", "encodings", "idlelib", "lib2to3", "site-packages", "dist-packages"}
LEFT_OUT |= {"test", "tests", "idle_test", "ensurepip", "turtledemo"}

EXCERPTS = 16  # files held out
EXCERPT = 128  # words scored in the middle of each, past the licence text at its head
HELD_OUT = EXCERPTS * EXCERPT


class Corpus(NamedTuple):
    """Training text and held-out predictions, all as places in the vocabulary."""

    vocabulary: list[str]
    counts: NDArray[np.int64]  # of each word of the vocabulary in the training text
    training: Tokens  # (words,), file after file
    contexts: Tokens  # (held-out words, order): the words before each, the nearest last
    labels: Tokens  # (held-out words,): the words to predict
    files: int


def build_corpus(size: int, order: int, seed: int, root: Path | None = None) -> Corpus:
    """Read the text below ``root`` (default: the standard library) and hold some files out.

    Parameters
    ----------
    size : int
        Words of the vocabulary, the place for unknown words included.
    order : int
        Words of context before each held-out word.
    seed : int
        Decides which files are held out.

    Raises
    ------
    InputError
        When the sources hold too few words, as where an installation was stripped of them.
    """
    root = Path(sysconfig.get_path("stdlib")) if root is None else root
    texts = [read_words(path) for path in source_files(root)]
    long_enough = [i for i, words in enumerate(texts) if len(words) >= 2 * (order + EXCERPT)]
    if len(long_enough) <= EXCERPTS:
        raise InputError(
            f"{root}: expected more than {EXCERPTS} Python sources of some length, found "
            f"{len(long_enough)} (the demo reads the standard library's text)"
        )
    drawn = np.random.default_rng(seed).permutation(len(long_enough))[:EXCERPTS]
    held_out = sorted(long_enough[i] for i in drawn)
    training_texts = [words for i, words in enumerate(texts) if i not in held_out]

    tally = Counter(word for words in training_texts for word in words)
    if len(tally) < size:
        raise InputError(
            f"{root}: expected {size} different words in the Python sources, found {len(tally)} "
            "(the demo reads the standard library's text)"
        )
    kept = sorted(tally, key=lambda word: (-tally[word], word))[: size - 1]
    vocabulary = [UNKNOWN_WORD, *kept]
    place = {word: i for i, word in enumerate(vocabulary)}

    def encode(words: Iterable[str]) -> Tokens:
        return np.array([place.get(word, UNKNOWN) for word in words], np.int32)

    training = encode(word for words in training_texts for word in words)
    windows = []
    for i in held_out:
        start = len(texts[i]) // 2
        excerpt = encode(texts[i][start - order : start + EXCERPT])
        windows.append(np.lib.stride_tricks.sliding_window_view(excerpt, order + 1))
    held = np.concatenate(windows)
    return Corpus(
        vocabulary,
        np.bincount(training, minlength=size),
        training,
        held[:, :-1].copy(),
        held[:, -1].copy(),
        len(texts),
    )


def source_files(root: Path) -> list[Path]:
    """The Python sources below ``root`` in an order that does not depend on the file system."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in LEFT_OUT]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def read_words(path: Path) -> list[str]:
    """The words of one source file; none where it cannot be read or decoded."""
    try:
        with tokenize.open(path) as file:  # honours the encoding that the source declares
            return WORD.findall(file.read())
    except (OSError, SyntaxError, UnicodeDecodeError):
        return []
