"""The stages of ``kl-c demo`` in order: text, model, logits, scores, picture, checks."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kl_c._demo import checks, picture
from kl_c._demo.corpus import HELD_OUT, Corpus, build_corpus
from kl_c._demo.model import ORDER, LogBilinear, log_unigram, train
from kl_c._demo.quantisation import BLOCK, quantise
from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._pictures import ENDINGS
from kl_c.comparison import Comparison

__all__ = ["add_arguments", "run"]

VOCABULARY = 20_000
STEPS = 400  # of training: below ten seconds on two cores
BITS = (8, 6, 4)
SAMPLED_ROWS = 50  # of each copy

BASE = "base.npy"
LABELS = "labels.npy"


class ScoringStopped(Exception):
    """``kl-c score`` ended with this code, and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kl-c demo``."""
    parser.add_argument(
        "--seed",
        type=_seed,
        default=0,
        help="decides held-out files and first weights (default: 0)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the logits and labels (.npy) in DIR"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        default=Path("kl-c-demo.png"),
        help="write the picture to FILE (default: %(default)s)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write scores and checks to FILE as JSON"
    )


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run the demo.

    Returns
    -------
    int
        0 when every check holds; 1, with a sentence on standard error, when one does not; the code
        of ``kl-c score`` when that fails. The disk space is given back in every case, an interrupt
        included.

    Raises
    ------
    InputError
        When an output cannot be written, the disk is too full, or the sources hold too little text.
    """
    for output, endings in ((args.plot, ENDINGS), (args.json, None)):
        _refuse_unwritable(output, endings)
    began = time.perf_counter()
    try:
        with _folder(args.keep) as folder:
            found = _run(args, folder)
    except ScoringStopped as stopped:
        return stopped.code
    failed = [check.sentence for check in found if not check.passed]
    for sentence in failed:
        print(f"kl-c demo: failed: {sentence}", file=sys.stderr)
    if failed:
        return 1
    print(f"All {len(found)} checks hold; {time.perf_counter() - began:.0f} s in total.")
    return 0


def _run(args: argparse.Namespace, folder: Path) -> list[checks.Check]:
    print(
        "A small language model learns from the sources of Python's standard library. Its weights\n"
        f"are rounded to {_listed(BITS)} bits, and `kl-c score` says what that does to its\n"
        f"predictions. Less than a minute; {_disk_needed() / 1e6:.0f} MB in {folder}, "
        f"{'kept' if args.keep else 'given back'}."
    )
    with _stage("text"):
        text = build_corpus(VOCABULARY, ORDER, args.seed)
        print(
            f"{text.files} files: {len(text.training):,} words to learn from, a vocabulary of "
            f"{len(text.vocabulary):,},\n{len(text.labels):,} words to predict in files held out"
        )
    with _stage("model"):
        base = train(text.training, text.counts, args.seed, STEPS)
        print(
            f"log-bilinear with {ORDER} words of context, "
            f"{sum(weights.size for weights in base):,} float32 weights"
        )
    with _stage("logits"):
        _write_logits(folder, base, text)
        print(
            f"of the base, and of copies with every stored weight rounded to {_listed(BITS)} bits\n"
            f"(to the nearest of evenly spaced values around 0, one scale per block of {BLOCK})"
        )
    summaries = {}
    for bits in BITS:
        with _stage(f"score of the {bits}-bit copy"):
            summaries[bits] = _score(folder, bits)
    rows = {bits: Comparison.load(_copy(folder, bits, ".npz")) for bits in BITS}
    with _stage("picture"):
        _draw(args.plot, {bits: scored.kl for bits, scored in rows.items()})
    with _stage("checks"):
        perplexity = _perplexities(text, rows[BITS[0]])
        found = [
            checks.beats_unigram(perplexity["base"], perplexity["unigram"]),
            *checks.rises({bits: scored.kl for bits, scored in rows.items()}),
            *_compare_sample(folder, rows, args.seed),
        ]
        for check in found:
            print(f"{'holds' if check.passed else 'FAILS'}: {check.sentence}")
    if args.json is not None:
        result = {
            "seed": args.seed,
            "vocabulary": len(text.vocabulary),
            "held_out_words": len(text.labels),
            "perplexity": perplexity,
            "scores": summaries,
            "checks": [check._asdict() for check in found],
        }
        with replacing(args.json) as file:
            file.write(json.dumps(result, indent=2).encode())
    return found


def _write_logits(folder: Path, base: LogBilinear, text: Corpus) -> None:
    np.save(folder / LABELS, text.labels)
    np.save(folder / BASE, base.logits(text.contexts))
    for bits in BITS:
        copy = LogBilinear(*(quantise(weights, bits).weights() for weights in base))
        np.save(_copy(folder, bits, ".npy"), copy.logits(text.contexts))


def _score(folder: Path, bits: int) -> Any:
    """Score one copy as a user would, print the table, and return what ``--json`` wrote."""
    from kl_c._cli import main  # not at the top: the program imports this module for its arguments

    summary = _copy(folder, bits, ".json")
    files = [folder / BASE, _copy(folder, bits, ".npy")]
    outputs = ["--json", summary, "--rows", _copy(folder, bits, ".npz")]
    options = ["--form", "logits", "--labels", folder / LABELS, *outputs]
    code = main(["score", *map(str, files + options)])
    if code != 0:
        raise ScoringStopped(code)
    (candidate,) = json.loads(summary.read_text())["candidates"]
    return candidate


def _draw(path: Path, kl: dict[int, Any]) -> None:
    try:
        picture.draw(path, kl)
    except ImportError as error:
        print(f"no picture: {error}; pip install matplotlib brings what it takes")
    else:
        print(f"{path}: KL(base || copy) of every held-out word")


def _perplexities(text: Corpus, scored: Comparison) -> dict[str, float]:
    """Of the base, from its scores, and of the unigram model, on the held-out words."""
    unigram_nll = -log_unigram(text.counts)[text.labels].astype(np.float64)
    return {
        "base": float(np.exp(scored.nll_p.mean())),
        "unigram": float(np.exp(unigram_nll.mean())),
    }


def _compare_sample(folder: Path, rows: dict[int, Comparison], seed: int) -> Iterator[checks.Check]:
    """Check some rows of each copy, the same ones, against the reference."""
    base = np.load(folder / BASE, mmap_mode="r")
    drawn = np.random.default_rng(seed).choice(len(base), SAMPLED_ROWS, replace=False)
    for bits, scored in rows.items():
        copy = np.load(_copy(folder, bits, ".npy"), mmap_mode="r")
        yield checks.equals_reference(bits, base[drawn], copy[drawn], scored.kl[drawn])


def _copy(folder: Path, bits: int, ending: str) -> Path:
    """A file of the copy with so many bits: its logits (.npy), rows (.npz) or summary (.json)."""
    return folder / f"{bits}-bit{ending}"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo's files live: a directory that goes when it ends, unless it is kept."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _refuse_full_disk(keep)
        yield keep
        return
    with TemporaryDirectory(prefix="kl-c-demo-") as name:
        _refuse_full_disk(Path(name))
        yield Path(name)


def _disk_needed() -> int:
    return (1 + len(BITS)) * HELD_OUT * VOCABULARY * np.dtype(np.float32).itemsize


def _refuse_full_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _disk_needed():
        raise InputError(
            f"{folder}: expected {_disk_needed() / 1e6:.0f} MB of free disk space, found "
            f"{free / 1e6:.0f} MB (TMPDIR or --keep takes the demo elsewhere)"
        )


def _refuse_unwritable(output: Path | None, endings: tuple[str, ...] | None) -> None:
    """Find out now, not after all the work, what would stop an output from being written."""
    if output is None:
        return
    if endings is not None and output.suffix not in endings:
        raise InputError(f"{output}: expected a name that ends in {_listed(endings, 'or')}")
    if not output.parent.is_dir():
        raise InputError(f"{output}: expected a directory {output.parent}, found none")


@contextmanager
def _stage(name: str) -> Iterator[None]:
    """Print the name of a stage before it and its time after it."""
    print(f"\n== {name}", flush=True)
    began = time.perf_counter()
    yield
    print(f"   {time.perf_counter() - began:.1f} s", flush=True)


def _listed(items: Sequence[object], last: str = "and") -> str:
    *others, final = map(str, items)
    return f"{', '.join(others)} {last} {final}"
