"""Several candidates against one base: how they are written, and that each scores as if alone."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import kl_c
from kl_c import Comparison
from kl_c._cli import main
from kl_c._cli.candidates import Size, Written
from kl_c._cli.clipping import mark_of_difference
from kl_c._errors import InputError
from kl_c._formats import BLOCK_BYTES, open_rows
from program import as_facts

FORM = ("--form", "logits")
NOISE = {"Q8": 0.05, "Q6": 0.1, "Q4": 0.3}
TRIO = ("base.npy", "Q8=q8.npy@8.5", "Q6=q6.npy@6.6", "Q4=q4.npy@4.85")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Logits of 8 texts of 7 words each, and of three copies; a label for each word."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = (rng.normal(size=(8, 7, 40)) * 3).astype(np.float32)
    noise = rng.normal(size=base.shape)
    np.save("base.npy", base)
    for name, scale in NOISE.items():
        np.save(f"{name.lower()}.npy", (base + scale * noise).astype(np.float32))
    np.save("labels.npy", rng.integers(0, 40, (8, 7)))


def facts_of(capsys, *arguments, code=0):
    assert main(["score", *arguments, *FORM, "--json", "-"]) == code
    return as_facts(capsys.readouterr().out)


def refused(capsys, *arguments):
    assert main(["score", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    return said.err.removeprefix("kl-c: ")


BITS = "bits_per_weight"


@pytest.mark.parametrize(
    ("text", "name", "path", "size"),
    [
        ("q8.npy", "q8", "q8.npy", None),
        ("runs/q8.npy", "q8", "runs/q8.npy", None),
        ("Q8=q8.npy", "Q8", "q8.npy", None),
        ("Q8=q8.npy@8.5", "Q8", "q8.npy", (8.5, BITS)),
        ("q8.npy@8", "q8", "q8.npy", (8, BITS)),
        ("q8.npy@.5", "q8", "q8.npy", (0.5, BITS)),
        ("q8.npy@4.9GB", "q8", "q8.npy", (4.9e9, "bytes")),
        ("q8.npy@4.6gib", "q8", "q8.npy", (4.6 * 2**30, "bytes")),
        ("q8.npy@100B", "q8", "q8.npy", (100, "bytes")),
        ("q8.npy@512MiB", "q8", "q8.npy", (2**29, "bytes")),
        # Paths with signs of their own.
        ("runs/seed=3/q8.npy", "q8", "runs/seed=3/q8.npy", None),
        ("./a=b.npy", "a=b", "./a=b.npy", None),
        ("=a=b.npy", "a=b", "a=b.npy", None),
        ("Q8=a=b.npy", "Q8", "a=b.npy", None),
        ("Q8=runs/seed=3/q8.npy@8", "Q8", "runs/seed=3/q8.npy", (8, BITS)),
        ("q8@2024.npy", "q8@2024", "q8@2024.npy", None),
        ("me@host/q8.npy@8.5", "q8", "me@host/q8.npy", (8.5, BITS)),
        ("dump@8/q8.npy", "q8", "dump@8/q8.npy", None),
        ("dump@8@", "dump@8", "dump@8", None),
        ("dump@8@8.5", "dump@8", "dump@8", (8.5, BITS)),
        ("dump@@", "dump@", "dump@", None),
        # Parts of files, and patterns.
        ("model.safetensors:head@8", "model", "model.safetensors:head", (8, BITS)),
        ("Q8=dump-*.npy", "Q8", "dump-*.npy", None),
    ],
)
def test_a_candidate_is_read_as_the_rule_says(text, name, path, size):
    assert Written.read(text) == (name, path, size if size is None else Size(*size))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Q8=", "found no file"),
        ("Q8=@8", "found no file"),
        ("@", "found no file"),
        ("q8.npy@8.5bpw", "found @8.5bpw"),
        ("q8.npy@4.9G", "found @4.9G"),
        ("q8.npy@0", "expected a size above 0"),
        ("q8.npy@0.0GB", "expected a size above 0"),
        (f"q8.npy@1{400 * '0'}", "expected a size above 0"),
    ],
)
def test_what_is_no_candidate_is_refused(text, words):
    with pytest.raises(InputError, match=re.escape(words)) as error:
        Written.read(text)
    assert str(error.value).startswith(f"{text}: expected")


def test_files_with_signs_in_their_names_are_scored(files, capsys):
    Path("a=b@8").mkdir()
    for name in ("a=b.npy", "a=b@8/c.npy", "dump@8"):
        Path(name).write_bytes(Path("q8.npy").read_bytes())
    found = facts_of(capsys, "base.npy", "=a=b.npy", "=a=b@8/c.npy", "dump@8@", "q8.npy@8")
    assert [one["q"]["path"] for one in found["candidates"]] == [
        *("a=b.npy", "a=b@8/c.npy", "dump@8", "q8.npy")
    ]
    assert [one["name"] for one in found["candidates"]] == ["a=b", "c", "dump@8", "q8"]
    assert [one["size"] for one in found["candidates"]] == [None, None, None, {BITS: 8}]


@pytest.mark.parametrize("more", [(), ("--labels", "labels.npy", "--k", "3", "--bits")])
@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, 4000])
def test_each_scores_bit_for_bit_as_if_it_were_alone(files, capsys, monkeypatch, more, block_bytes):
    monkeypatch.setattr("kl_c._cli.scoring.BLOCK_BYTES", block_bytes)
    rows = ("--rows", "rows-{name}.npz")
    together = facts_of(capsys, *TRIO, *more, *rows)
    monkeypatch.setattr("kl_c._cli.scoring.BLOCK_BYTES", BLOCK_BYTES)
    shared = {name: value for name, value in together.items() if name != "candidates"}
    assert [one["name"] for one in together["candidates"]] == [*NOISE]
    for text, found in zip(TRIO[1:], together["candidates"], strict=True):
        alone = facts_of(capsys, "base.npy", text, *more, "--rows", "alone.npz")
        (expected,) = alone.pop("candidates")
        found.pop("paired", None)
        kept, expected_rows = found.pop("rows_file"), expected.pop("rows_file")
        assert found == expected
        assert (kept.pop("path"), expected_rows.pop("path")) == (
            f"rows-{found['name']}.npz",
            "alone.npz",
        )
        assert kept == expected_rows
        assert {**shared, "command": None} == {**alone, "command": None}
        with np.load(f"rows-{found['name']}.npz") as one, np.load("alone.npz") as other:
            assert one.files == other.files
            for array in one.files:
                assert one[array].tobytes() == other[array].tobytes()


def test_the_base_is_read_once(files, capsys, monkeypatch):
    kind = type(open_rows("base.npy"))
    asked = []
    read = kind.read

    def watched(self, start, stop):
        asked.append((self.path, start, stop))
        return read(self, start, stop)

    monkeypatch.setattr(kind, "read", watched)
    monkeypatch.setattr("kl_c._cli.scoring.BLOCK_BYTES", 4 * 160 * 10)  # ten rows of four files
    main(["score", *TRIO, *FORM, "--force-form"])
    for path in ("base.npy", "q8.npy", "q6.npy", "q4.npy"):
        expected = [(path, start, min(start + 10, 56)) for start in range(0, 56, 10)]
        assert [item for item in asked if item[0] == path] == expected


def test_forms_are_those_of_each_file(files, capsys):
    """A file that says its form stands beside one that does not."""
    llamacpp = Path(__file__).with_name("llamacpp")
    pair = [str(llamacpp / "q4_clip24.kld"), str(llamacpp / "q4_logits.npy")]
    found = facts_of(capsys, str(llamacpp / "base_clip24.kld"), *pair)
    said, silent = found["candidates"]
    assert (said["form"], silent["form"]) == ("logits", "logits")
    rows = np.load("base.npy").reshape(-1, 40).astype(np.float64)
    np.save("p.npy", np.exp(rows) / np.exp(rows).sum(1, keepdims=True))
    arguments = ["score", "p.npy", "q8.npy", "q6.npy", "--form", "probs,logits", "--json", "-"]
    assert main(arguments) == 0
    found = as_facts(capsys.readouterr().out)["candidates"]
    assert [one["form"] for one in found] == 2 * [["probs", "logits"]]


def test_the_likeliest_outcomes_of_several_in_the_table(files, capsys):
    names = ["topk_overlap", "topk_ordered", "top_in_topk"]
    assert main(["score", *TRIO, *FORM, "--k", "4"]) == 0
    (table,) = (x for x in capsys.readouterr().out.split("\n\n") if x.startswith("the 4 likeliest"))
    assert re.split("  +", table.splitlines()[0])[1:] == names
    facts = facts_of(capsys, *TRIO, "--k", "4")
    for line, one in zip(table.splitlines()[2:], facts["candidates"], strict=True):
        name, *cells = line.split()
        assert name == one["name"]
        means = [one["statistics"][x]["mean"] for x in names]
        assert [float(cell) for cell in cells] == pytest.approx(means, rel=1e-3)
    assert main(["score", *TRIO, *FORM]) == 0
    assert "likeliest" not in capsys.readouterr().out


def test_the_table_of_several(files, capsys):
    pytest.importorskip("scipy", reason="without it there are no intervals")
    assert main(["score", *TRIO, *FORM, "--labels", "labels.npy"]) == 0
    text = capsys.readouterr().out
    head, *tables, foot = text.split("\n\n")
    assert max(len(line) for table in tables for line in table.splitlines()) <= 80
    means, percentiles, differences = tables
    assert head.splitlines() == [
        "p = base.npy (8 x 7 x 40 float32)",
        "Q8 = q8.npy (8 x 7 x 40 float32)",
        "Q6 = q6.npy (8 x 7 x 40 float32)",
        "Q4 = q4.npy (8 x 7 x 40 float32)",
        "kl = KL(p || candidate), in nats; bpw: bits per weight",
        "errors: 8 groups",
    ]
    facts = facts_of(capsys, *TRIO, "--labels", "labels.npy")
    shown = rows_of(means)
    assert shown["candidate"] == [
        *("bpw", "mean kl", "95% from", "to", "same_top", "perplexity", "ratio")
    ]
    assert shown["p"][:5] == 5 * ["-"] and shown["p"][6] == "1.000"
    for one in facts["candidates"]:
        kl, likelihood = one["statistics"]["kl"], one["likelihood"]
        interval = one["intervals"]["of"]["kl"]
        figures = [one["size"][BITS], kl["mean"], interval["low"], interval["high"]]
        figures += [one["statistics"]["same_top"]["mean"]]
        figures += [likelihood[name]["value"] for name in ("perplexity_q", "ratio")]
        assert [float(cell) for cell in shown[one["name"]]] == pytest.approx(figures, rel=1e-3)
        figures = [kl[name] for name in ("median", "p90", "p99", "p99.9", "maximum")]
        cells = rows_of(percentiles)[one["name"]]
        assert [float(cell) for cell in cells] == pytest.approx(figures, rel=1e-3)
    first = facts["candidates"][0]["likelihood"]["perplexity_p"]["value"]
    assert float(shown["p"][5]) == pytest.approx(first, rel=1e-3)
    lines = [re.split("  +", line) for line in differences.splitlines()[2:]]
    of = ["kl", "same_top", "perplexity_q"]
    pairs = [("Q6 - Q8", x) for x in of] + [("Q4 - Q6", x) for x in of]
    assert [tuple(line[:2]) for line in lines] == pairs
    config = kl_c.show_config()
    read = {"p": facts["p"], **{one["name"]: one["q"] for one in facts["candidates"]}}
    read["labels"] = facts["labels"]
    assert foot.splitlines() == [
        "8 groups: below 30, errors by groups are rough",
        f"kl_c {config['version']}, backend {config['backend']}",
        f"kl-c score {' '.join(TRIO)} --form logits --labels labels.npy",
        "form logits, temperature 1, eps default",
        "outcomes equal, invalid rows raise, no mask",
        "rows: 56 used, 0 left out, 0 infinite",
        *(f"{x}: {f['bytes']} bytes, sampled hash {f['sampled_hash']}" for x, f in read.items()),
        f"labels of all rows: hash {facts['token_hash']}",
    ]


def rows_of(table):
    """first cell -> the other cells."""
    rows = (re.split("  +", line) for line in table.splitlines())
    return {name: cells for name, *cells in rows}


def test_what_is_said_of_some_candidates_bears_their_names(files, capsys):
    holes, narrow = np.load("q6.npy"), np.load("q8.npy").astype(np.float16)
    holes[2, 3, 5] = -np.inf
    holes[4, 1] = np.nan
    np.save("q6.npy", holes)
    np.save("q8.npy", narrow)
    assert main(["score", *TRIO, *FORM, "--invalid", "nan"]) == 0
    foot = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    assert foot[0] == "8 groups: below 30, errors by groups are rough"
    assert [line for line in foot if line.startswith("Q8: rounding of q explains")]
    assert [line for line in foot if "rows: " in line] == [
        "Q8, Q4: rows: 56 used, 0 left out, 0 infinite",
        "Q6: rows: 55 used, 1 left out, 1 infinite",
    ]


def test_sizes_in_bytes_and_missing_ones(files, capsys):
    assert main(["score", "base.npy", "q8.npy@4.6GiB", "q6.npy@512MB", "q4.npy", *FORM]) == 0
    head, means, *_ = capsys.readouterr().out.split("\n\n")
    assert "GB: size in 10^9 bytes" in head
    assert [cells[0] for cells in rows_of(means).values() if len(cells) > 1] == [
        *("GB", "4.939", "0.512", "-")
    ]
    assert main(["score", "base.npy", "q8.npy", "q6.npy", *FORM]) == 0
    head, means, *_ = capsys.readouterr().out.split("\n\n")
    assert rows_of(means)["candidate"] == ["mean kl", "95% from", "to", "same_top"]


def test_paired_differences_are_those_of_the_library(files, capsys):
    pytest.importorskip("scipy", reason="without it there are no intervals")
    rows = ("--labels", "labels.npy", "--rows", "{name}.npz")
    first, second, third = facts_of(capsys, *TRIO, *rows)["candidates"]
    assert "paired" not in first
    for one, other in ((first, second), (second, third)):
        expected = Comparison.load(f"{other['name']}.npz").paired(
            Comparison.load(f"{one['name']}.npz")
        )
        paired = other["paired"]
        assert (paired["with"], paired["confidence"]) == (one["name"], 0.95)
        assert set(paired["differences"]) == set(expected)
        for name, interval in expected.items():
            found = paired["differences"][name]
            assert [*found] == [*interval._fields]
            assert np.array([*found.values()], float) == pytest.approx([*interval], nan_ok=True)
        assert paired["differences"]["kl"]["value"] > 0
        assert paired["differences"]["kl"]["value"] == pytest.approx(
            other["statistics"]["kl"]["mean"] - one["statistics"]["kl"]["mean"]
        )


def test_few_groups_and_no_scipy_are_said_once(files, capsys, monkeypatch):
    np.save("groups.npy", np.arange(8) % 4)
    few = ("--groups", "groups.npy")
    assert main(["score", *TRIO, *FORM, *few]) == 0
    text = capsys.readouterr().out
    said = "no intervals: expected at least 5 groups for an interval, got 4"
    assert text.count("expected at least") == text.count(said) == 1
    assert "difference" not in text and " from " not in text
    assert "refused" in facts_of(capsys, *TRIO, *few)["candidates"][1]["paired"]
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    assert main(["score", *TRIO, *FORM]) == 0
    text = capsys.readouterr().out
    assert text.count("SciPy") == 1 and "no intervals: intervals and p-values need" in text
    assert rows_of(text.split("\n\n")[1])["candidate"] == ["bpw", "mean kl", "SE", "same_top"]
    assert main(["score", *TRIO[:2], *FORM]) == 0
    assert capsys.readouterr().out.count("SciPy") == 1


def test_gates_hold_for_every_candidate_or_for_one(files, capsys):
    means = {
        one["name"]: one["statistics"]["kl"]["mean"]
        for one in facts_of(capsys, *TRIO)["candidates"]
    }
    between = (means["Q6"] + means["Q4"]) / 2
    assert main(["score", *TRIO, *FORM, "--fail-above", f"kl.mean={between}"]) == 1
    out, err = capsys.readouterr()
    assert err == "kl-c: a gate is crossed: Q4:kl.mean\n"
    gates = [line for line in out.splitlines() if "gate: " in line]
    assert [line.split(":")[0] for line in gates] == ["Q8", "Q6", "Q4"]
    assert [line.split(": ")[-1] for line in gates] == ["passed", "passed", "CROSSED"]
    loose = ("--fail-above", f"Q4:kl.mean={2 * means['Q4']}", f"Q6:kl.mean={between}")
    found = facts_of(capsys, *TRIO, *loose)["candidates"]
    assert [[gate["name"] for gate in one["gates"]] for one in found] == [
        *([], ["kl.mean"], ["kl.mean"])
    ]
    facts_of(capsys, *TRIO, "--fail-above", f"Q4:kl.mean={between}", code=1)
    facts_of(capsys, *TRIO, "--fail-below", "Q4:same_top.mean=1", code=1)
    (pair,) = facts_of(capsys, "base.npy", "a:b=q4.npy", "--fail-above", "a:b:kl.mean=9")[
        "candidates"
    ]
    assert [gate["crossed"] for gate in pair["gates"]] == [False]
    line = refused(capsys, *TRIO, *FORM, "--fail-above", "Q5:kl.mean=1")
    assert line == "--fail-above: expected one of Q8, Q6, Q4, found 'Q5' in Q5:kl.mean\n"


def test_a_run_with_one_candidate_may_name_it(files, capsys):
    assert main(["score", "base.npy", "q8.npy", *FORM]) == 0
    plain = capsys.readouterr().out
    assert main(["score", "base.npy", "Q8=q8.npy@8.5", *FORM]) == 0
    assert capsys.readouterr().out == plain.replace("base.npy q8.npy", "base.npy Q8=q8.npy@8.5")
    (one,) = facts_of(capsys, "base.npy", "Q8=q8.npy@8.5")["candidates"]
    assert (one["name"], one["size"]) == ("Q8", {BITS: 8.5})


def test_verified_each_by_itself(files, capsys):
    pytest.importorskip("mpmath", reason="only mpmath has so many digits")
    facts = facts_of(capsys, *TRIO, "--verify", "2")
    assert [one["verification"]["rows"] >= 10 for one in facts["candidates"]] == 3 * [True]


def test_what_does_not_go_together_is_refused(files, capsys):
    Path("other").mkdir()
    np.save("other/q8.npy", np.load("q8.npy"))
    np.save("short.npy", np.load("q8.npy")[:, :5])
    holes = np.load("q6.npy")
    holes[7, 6] = np.nan
    np.save("holes.npy", holes)
    for arguments, words in [
        (
            ("base.npy", "q8.npy", "other/q8.npy"),
            "other/q8.npy: expected a name of its own, found q8 as for q8.npy",
        ),
        (
            ("base.npy", "q8.npy@8", "q6.npy@1GB"),
            "q6.npy: expected a size in bits per weight as for q8.npy, found bytes",
        ),
        (("base.npy", "q8.npy", "short.npy"), "short.npy: expected shape (8, 7, 40) as in base"),
        (("base.npy", "q8.npy", "holes.npy"), "holes.npy: row 55 of q holds NaN"),
        (("base.npy", "q8.npy", "q6.npy", "--as-llamacpp"), "expected one candidate, found 2"),
        (("base.npy", "q8.npy", "q6.npy", "--rows", "r.npz"), "--rows: expected {name} in the"),
        (("base.npy", "q8.npy", "q6.npy", "--rows", "{name}.npy"), "found one of the inputs"),
        (("base.npy", "q8.npy", "q6.npy", "--rows", "{name}/r.npz"), "expected an existing dir"),
    ]:
        before = sorted(os.listdir())
        assert words in refused(capsys, *arguments, *FORM)
        assert sorted(os.listdir()) == before


def test_texts_of_candidates_are_compared_without_one_of_the_base(files, capsys):
    """Two files that know their tokens, beside a base that does not."""
    llamacpp = Path(__file__).with_name("llamacpp")
    other = bytearray((llamacpp / "q4_clip24.kld").read_bytes())
    other[20:24] = (7).to_bytes(4, "little")  # the first token
    Path("other.kld").write_bytes(other)
    base, same = llamacpp / "base_logits.npy", llamacpp / "q4_clip24.kld"
    line = refused(capsys, str(base), str(same), "other.kld", *FORM)
    assert line.startswith("other.kld: expected the tokens of") and "at position 0" in line


CLIPPED = Path(__file__).with_name("llamacpp")
PAIR_OF_CLIPPED = (
    str(CLIPPED / "base_clip16.kld"),
    f"clipped={CLIPPED / 'q4_clip16.kld'}@4.5",
    f"live={CLIPPED / 'q4_logits.npy'}@4.5",
)


def test_no_figure_of_a_clipped_file_stands_bare(files, capsys):
    """KL(p || q) from a clipped q is a lower bound wherever it shows; less it, an upper one."""
    pytest.importorskip("scipy", reason="without it there are no intervals")
    assert main(["score", *PAIR_OF_CLIPPED, *FORM, "--strata", "confidence"]) == 0
    _, means, percentiles, differences, strata, _ = capsys.readouterr().out.split("\n\n")
    for table in (means, percentiles):
        clipped, live = (rows_of(table)[name] for name in ("clipped", "live"))
        figures = clipped[1:2] if table is means else clipped
        assert all(cell.startswith(">=") for cell in figures)
        assert not any(cell.startswith(">=") for cell in live)
    kl = next(line for line in differences.splitlines() if " kl " in line)
    assert kl.split()[4].startswith("<=")
    for name, cells in list(rows_of(strata).items())[2:]:
        assert cells[1] == "-" or cells[1].startswith(">="), name
        assert not cells[2].startswith(">="), name
    with_labels = rows_of(means)
    assert with_labels["p"][-2].startswith(">=")  # labels at the floor of the base


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        *(("bounded", "bounded", ""), ("lower bound", "bounded", ">=")),
        *(("bounded", "lower bound", "<="), ("lower bound", "lower bound", "?")),
        *(("upper bound", "bounded", "<="), ("bounded", "upper bound", ">=")),
        *(("lower bound", "upper bound", ">="), ("upper bound", "lower bound", "<=")),
        *(("unknown", "bounded", "?"), ("bounded", "unknown", "?")),
        *(("unknown", "lower bound", "?"), ("upper bound", "upper bound", "?")),
    ],
)
def test_the_mark_of_a_difference(mine, theirs, expected):
    one, other = ({"clipping": {"kl": {"status": status}}} for status in (mine, theirs))
    assert mark_of_difference(one, other, "kl") == expected


def test_more_files_make_smaller_blocks(files, capsys, monkeypatch):
    widths = []
    update = Comparison.update

    def watched(self, p, q, *arguments, **keywords):
        widths.append(p.nbytes + 5 * q.nbytes)
        return update(self, p, q, *arguments, **keywords)

    monkeypatch.setattr(Comparison, "update", watched)
    monkeypatch.setattr("kl_c._cli.scoring.BLOCK_BYTES", 4000)
    five = [f"{letter}=q8.npy" for letter in "abcde"]
    assert main(["score", "base.npy", *five, *FORM]) == 0
    assert max(widths) <= 4000


def test_the_markdown_of_several(files, capsys):
    assert main(["score", *TRIO, *FORM, "--markdown", "card.md"]) == 0
    text = Path("card.md").read_text()
    assert "| candidate | bpw | mean kl |" in text and "| same\\_top |" in text
    assert "| Q6 - Q8 | kl |" in text
