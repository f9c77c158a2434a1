"""The page on measuring a quantised model: its commands, its conclusions, its loops.

Commands run on the demo with a small vocabulary, where a number of the page stands for any number;
with KL_C_FULL_DEMO=1 they run on the demo as it is, and every figure must be that of the page.
Loops run with stand-ins for the libraries that they import.
"""

import contextlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import kl_c
import small_demo
from documents import PROGRAM, blocks_of, code, complaints, table
from program import run

PAGE = "docs/measuring.md"
FULL = os.environ.get("KL_C_FULL_DEMO") == "1"  # 1 GB of disk, and Python 3.11.7 for its text


@pytest.fixture(scope="module")
def page(source_tree):
    return (source_tree / PAGE).read_text()


@pytest.fixture(scope="module")
def walked(page, tmp_path_factory):
    """The directory of a reader who ran all commands of the page, and what they did not print."""
    pytest.importorskip("matplotlib", reason="the page's pictures need the extra cli")
    folder = tmp_path_factory.mktemp("measuring")
    program = PROGRAM if FULL else (sys.executable, small_demo.__file__)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = list(complaints(PAGE, blocks_of(page), program, any_figures=not FULL))
    return SimpleNamespace(folder=folder, complaints=said)


def test_commands_print_what_the_page_says(walked):
    assert walked.complaints == []


def test_every_block_is_run_or_says_what_it_needs(page):
    blocks = blocks_of(page)
    assert page.count("```") == 2 * len(blocks)
    assert {block.kind for block in blocks} == {"pycon", "console", "python", "sh"}
    for block in blocks:
        if block.kind in ("python", "sh"):
            assert re.match(r"# (needs|goes on from) ", block.text), block
        if block.kind == "python":
            compile(block.text, PAGE, "exec")
        if block.kind == "sh":
            subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)
    commands = re.compile(r"^(?:>>> | *\$ )", re.MULTILINE)
    shown = [block.text for block in blocks if block.kind in ("pycon", "console")]
    assert len(commands.findall(page)) == len(commands.findall("\n".join(shown)))


def test_names_are_those_of_both_sides(page, compared, source_tree):
    """Ours are in a summary, llama.cpp's in what its program printed."""
    summary = compared["4-bit"].summary()
    ours = {*summary["statistics"], *summary["likelihood"], *summary["statistics"]["kl"]}
    printed = (source_tree / "tests" / "llamacpp" / "table_q4_clip16.txt").read_text()
    printed = " ".join(printed.split())
    rows = table(page, "here", "elsewhere", "the same?")
    assert len(rows) > 5
    for here, elsewhere, _ in rows:
        assert {*code(here)} <= ours | {"topk_ordered"}, here
        if elsewhere.startswith("llama.cpp"):
            assert [name for name in code(elsewhere) if name not in printed] == []


# What the page concludes, on the data of its reader


@pytest.fixture(scope="module")
def compared(walked):
    def load(name):
        return np.load(walked.folder / f"{name}.npy")

    return {
        name: kl_c.compare(
            load("base"),
            load(name),
            form="logits",
            labels=load("labels"),
            groups=load("texts"),
        )
        for name in ("8-bit", "6-bit", "4-bit", "leaning")
    }


def test_the_copies_stand_in_the_order_of_the_page(compared):
    intervals = [compared[name].interval("kl") for name in ("8-bit", "6-bit", "4-bit")]
    for finer, coarser in pairwise(intervals):
        assert finer.high < coarser.low
    assert np.percentile(compared["6-bit"].kl, 99) < 0.01 < intervals[2].low
    assert compared["6-bit"].groups.max() + 1 == 16


def test_perplexity_falls_while_kl_rises(compared):
    leaning, copy = compared["leaning"], compared["4-bit"]
    assert leaning.nll_q.mean() < leaning.nll_p.mean() < copy.nll_q.mean()
    difference = leaning.paired(copy)["kl"]
    assert difference.value > copy.kl.mean()
    assert difference.low > 0
    assert leaning.interval("log_ratio").high < 0


# The loops of the page, with stand-ins: a model is a table of logits by all tokens before


WIDTH, PADDED, BOS = 50, 56, 0


class Tensor(np.ndarray):
    """What the loops ask of a tensor."""

    def float(self):
        return self.astype(np.float32)

    def cpu(self):
        return self

    def numpy(self):
        return self.view(np.ndarray)


def tensor(values, device=None):
    return np.asarray(values).view(Tensor)


def logits_of(name, ids):
    """1 x length x outcomes; the first token is felt to the end, as BOS is."""
    rng = np.random.default_rng(1)
    table = rng.normal(scale=3, size=(PADDED, PADDED))
    if name != "base":
        table += rng.normal(scale=0.2, size=table.shape)
    return table.astype(np.float32)[np.cumsum(ids, axis=-1) % PADDED]


def encode(text, bos):
    return [BOS] * bos + [1 + ord(letter) % (WIDTH - 1) for letter in text]


def module(monkeypatch, name, **members):
    stand_in = ModuleType(name)
    vars(stand_in).update(members)
    monkeypatch.setitem(sys.modules, name, stand_in)


@pytest.fixture
def text(tmp_path, monkeypatch):
    """What the loops read, 4,500 letters, in the directory that they run in."""
    monkeypatch.chdir(tmp_path)
    module(monkeypatch, "torch", inference_mode=contextlib.nullcontext, tensor=tensor)
    letters = "".join(map(chr, np.random.default_rng(2).integers(97, 123, 4500)))
    Path("wiki.test.raw").write_text(letters)
    return letters


def blocks_with(page, word):
    """The Python block that imports this, and those that go on from it."""
    found = [block.text for block in blocks_of(page) if block.kind == "python"]
    (start,) = (i for i, block in enumerate(found) if re.search(rf"^from {word} ", block, re.M))
    end = start + 1
    while found[end].startswith("# goes on"):
        end += 1
    return found[start:end]


def assert_same_rows(one, other):
    names = ("kl", "js", "nll_p", "nll_q", "topk_overlap", "topk_ordered", "masked", "groups")
    for name in names:
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name


@pytest.mark.parametrize("bos", [True, False])
def test_the_transformers_loop_has_the_protocol_and_the_bits_of_files(
    page, text, tmp_path, monkeypatch, bos
):
    class Tokenizer:
        bos_token_id = BOS

        def __call__(self, text):
            return SimpleNamespace(input_ids=encode(text, bos))

    class Model:
        device = "cpu"

        def __init__(self, name):
            self.name = name

        def __call__(self, ids):
            return SimpleNamespace(logits=tensor(logits_of(self.name, ids)))

    module(
        monkeypatch,
        "transformers",
        AutoTokenizer=SimpleNamespace(from_pretrained=lambda name: Tokenizer()),
        AutoModelForCausalLM=SimpleNamespace(from_pretrained=lambda name, **_: Model(name)),
    )
    session = {}
    for block in blocks_with(page, "transformers"):
        exec(block, session)
    looped = session["comparison"]

    tokens = np.array(encode(text, bos))
    scored = kl_c.Comparison(form="logits", k=10)
    for chunk in range(len(tokens) // 512):
        ids = tokens[512 * chunk : 512 * (chunk + 1)].copy()
        labels = ids[257:].copy()
        if bos:
            ids[0] = BOS
        p, q = (logits_of(name, ids[None])[:, 256:511] for name in ("base", "copy"))
        scored.update(p, q, labels=labels[None])
    assert len(looped) == len(tokens) // 512 * 255
    assert_same_rows(looped, scored)
    assert_same_rows(kl_c.Comparison.load("copy.npz"), looped)

    files = ("base.npy", "copy.npy", "--labels", "labels.npy", "--rows", "rows.npz")
    run("score", *files, "--form", "logits", "--k", 10, cwd=tmp_path)
    assert_same_rows(kl_c.Comparison.load("rows.npz"), looped)


def test_the_exllamav3_loop_has_the_bits_of_files(page, text, tmp_path, monkeypatch):
    class Tokenizer:
        actual_vocab_size = WIDTH

        def encode(self, text):
            return tensor([encode(text, bos=True)])

    class Model:
        def __init__(self, name):
            self.name, self.loaded = name, False

        def load(self):
            self.loaded = True

        def forward(self, ids, settings):
            assert self.loaded and settings == {"attn_mode": "flash_attn_nc"}
            return tensor(logits_of(self.name, ids))

    module(
        monkeypatch,
        "exllamav3",
        Config=SimpleNamespace(from_directory=lambda folder: folder),
        Model=SimpleNamespace(from_config=Model),
        Tokenizer=SimpleNamespace(from_config=lambda _: Tokenizer()),
    )
    session = {}
    for block in blocks_with(page, "exllamav3"):
        exec(block, session)
    looped = session["comparison"]

    ids = np.array(encode(text, bos=True))[: 2 * 2048].reshape(2, 2048)
    np.save("tokens.npy", ids)
    for name in ("base", "copy"):
        np.save(f"{name}.npy", logits_of(name, ids))
    files = ("base.npy", "copy.npy", "--tokens", "tokens.npy", "--rows", "rows.npz")
    options = ("--form", "logits", "--k", 10, "--outcomes", WIDTH)
    run("score", *files, *options, cwd=tmp_path)
    assert len(looped) == 2 * 2048
    assert_same_rows(kl_c.Comparison.load("rows.npz"), looped)
    assert np.array_equal(looped.top_p[:2047], logits_of("base", ids)[0, :-1, :WIDTH].argmax(-1))
