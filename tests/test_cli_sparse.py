"""``kl-c sparse`` run as a program, on files in every format that holds lists; and its page."""

import inspect
import json
import re

import numpy as np
import pytest
import safetensors.numpy

from arrow import arrow
from documents import blocks_of, complaints
from kl_c import compare_sparse
from program import complaint, run
from sparse_lists import tops

pa = arrow()

VOCABULARY = 300
OPTIONS = ("--vocabulary", VOCABULARY, "--bounds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Lists of 12 of two models, the second as whole logits too, labels and groups."""
    folder = tmp_path_factory.mktemp("lists")
    rng = np.random.default_rng(0)
    base = rng.normal(scale=3, size=(48, VOCABULARY))
    other = base + rng.normal(scale=0.3, size=base.shape)
    for name, logits in (("base", base), ("other", other)):
        probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        ids, logs = tops(probs, 12, rng)
        write(folder, name, {"ids": ids.astype(np.int32), "logprobs": logs.astype(np.float32)})
    np.save(folder / "other.npy", other.astype(np.float32))
    np.save(folder / "labels.npy", base.argmax(-1))
    np.save(folder / "groups.npy", np.arange(48) // 8)
    return folder


def write(folder, name, arrays):
    np.savez(folder / f"{name}.npz", **arrays)
    safetensors.numpy.save_file(arrays, folder / f"{name}.safetensors")
    table = pa.table({x: list(array) for x, array in arrays.items()})
    pa.parquet.write_table(table, folder / f"{name}.parquet")
    pa.feather.write_feather(table, folder / f"{name}.arrow", compression="uncompressed")


def lists(folder, name):
    with np.load(folder / f"{name}.npz") as found:
        return found["ids"], found["logprobs"]


def as_json(folder, *arguments):
    text = run("sparse", *arguments, "--json", "-", cwd=folder).stdout
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def expected(folder, q=None, labels=None, groups=None, **keywords):
    q = lists(folder, "other") if q is None else q
    found = compare_sparse(lists(folder, "base"), q, labels, groups=groups, **keywords).summary()
    text = json.dumps(found).replace("Infinity", "null").replace("NaN", "null")
    return json.loads(text)


@pytest.mark.parametrize("ending", ["npz", "safetensors", "parquet", "arrow"])
def test_every_format_of_lists(folder, ending):
    facts = as_json(folder, f"base.{ending}", f"other.{ending}:ids,logprobs", *OPTIONS)
    summary = expected(folder, vocabulary=VOCABULARY, bounds=True)
    assert {name: facts[name] for name in summary} == summary
    assert facts["p"]["ids"]["shape"] == facts["p"]["shape"] == [48, 12]
    assert facts["version"] and facts["backend"] and facts["command"].startswith("kl-c sparse")


def test_whole_rows_labels_groups_and_settings(folder):
    labels, groups = (np.load(folder / f"{name}.npy") for name in ("labels", "groups"))
    facts = as_json(
        folder,
        *("base.npz", "other.npy", "--form", "logits", "--bits", "--bounds", "--k", 10),
        *("--floor", 1e-12, "--labels", "labels.npy", "--groups", "groups.npy"),
    )
    q = np.load(folder / "other.npy")
    keywords = {"form": "logits", "base": 2, "bounds": True, "k": 10, "floor": 1e-12}
    summary = expected(folder, q, labels, groups, **keywords)
    assert {name: facts[name] for name in summary} == summary
    assert facts["clusters"]["count"] == 6 and facts["token_hash"]


def test_the_table_says_what_the_json_says(folder):
    printed = run("sparse", "base.npz", "other.npz", *OPTIONS, "--json", "x.json", cwd=folder)
    facts = json.loads((folder / "x.json").read_text())
    for line in (f"kl_c {facts['version']}, backend {facts['backend']}", facts["command"]):
        assert line in printed.stdout
    mean = f"{facts['statistics']['js']['mean']:#.4g}"
    width = f"{facts['bounds']['js']['width']['median']:#.4g}"
    assert re.search(rf"^js +{mean} ", printed.stdout, re.MULTILINE)
    assert re.search(rf"^js +\S+ +\S+ +{width} +0", printed.stdout, re.MULTILINE)
    assert "no more than those of any rows" in printed.stdout
    plain = run("sparse", "base.npz", "other.npz", *OPTIONS, cwd=folder, rich=False)
    head = printed.stdout.partition("bounds")[0]
    assert plain.stdout.partition("bounds")[0].split() == head.split()


def test_every_keyword_is_an_option(folder):
    text = run("sparse", "--help", cwd=folder).stdout
    parameters = inspect.signature(compare_sparse).parameters.values()
    names = [x.name for x in parameters if x.kind is x.KEYWORD_ONLY]
    assert [name for name in names if f"\n  --{name} " not in text] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("base.npz", "none.npz"), "none.npz: expected a file of rows, found: No such file"),
        (("base.npz:ids,nope", "other.npz"), "base.npz:nope: expected an array named nope"),
        (("base.npz", "labels.npy"), "labels.npy: expected rows x outcomes"),
        (("base.npz:logprobs,ids", "other.npz"), "base.npz:logprobs,ids: expected ids of an int"),
        (("base.npz", "other.npy"), "--form is required: the first rows of other.npy fit logits;"),
        (("base.npz", "other.npz", "--tail", "flat"), "tail must be one of 'bucket'"),
        (("base.npz", "other.npz", "--tail", "uniform"), "tail='uniform' needs vocabulary="),
        (("base.npz", "other.npz", "--vocabulary", "20"), "base.npz: row 0 of p holds id"),
        (("base.npz", "short.npz"), r"short.npz: expected \(48,\) rows as in base.npz, found"),
        (("base.npz", "odd.npz"), r"odd.npz: expected .* \(lists are odd.npz:IDS,LOGPROBS"),
        (("base.npz", "half.npz"), "half.npz:logprobs: expected an array named logprobs, found"),
        (("base.npz", "other.npz", "--json", "base.npz"), "found one of the inputs"),
    ],
)
def test_wrong_input_ends_with_one_line(folder, arguments, said):
    ids, logs = lists(folder, "other")
    np.savez(folder / "short.npz", ids=ids[:5], logprobs=logs[:5])
    np.savez(folder / "half.npz", ids=ids, weights=logs)
    np.savez(folder / "odd.npz", numbers=ids, logs=logs)
    assert re.search(said, complaint("sparse", *arguments, cwd=folder))


# A server may return fewer entries than it was asked for: the list is then shorter.


def ragged_table(folder, name, lengths, id_type):
    """The likeliest entries of each list, and what they are when filled up."""
    ids, logs = lists(folder, name)
    order = np.argsort(-logs, axis=1)
    ids, logs = (np.take_along_axis(x, order[:, : lengths.max()], 1) for x in (ids, logs))
    inside = np.arange(ids.shape[1]) < lengths[:, None]
    table = pa.table(
        {
            "ids": pa.array(
                [list(row[:n]) for row, n in zip(ids, lengths, strict=True)], pa.list_(id_type)
            ),
            "logprobs": pa.array(
                [list(row[:n]) for row, n in zip(logs, lengths, strict=True)],
                pa.large_list(pa.float32()),
            ),
        }
    )
    return table, (np.where(inside, ids, -1), np.where(inside, logs, np.float32(-np.inf)))


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("id_type", [pa.uint32(), pa.int16()], ids=str)
def test_shorter_lists_are_lists_with_fewer_entries(folder, ending, id_type):
    sides = []
    for seed, name in enumerate(("base", "other")):
        lengths = np.random.default_rng(seed).integers(1, 10, size=48)
        lengths[:3] = 2  # the first row is not the longest
        table, filled = ragged_table(folder, name, lengths, id_type)
        if ending == "parquet":
            pa.parquet.write_table(table, folder / f"{name}-ragged.parquet", row_group_size=10)
        else:
            pa.feather.write_feather(table, folder / f"{name}-ragged.arrow", chunksize=7)
        sides.append(filled)
    names = [f"{name}-ragged.{ending}" for name in ("base", "other")]
    facts = as_json(folder, *names, *OPTIONS)
    found = compare_sparse(*sides, vocabulary=VOCABULARY, bounds=True).summary()
    text = json.dumps(found).replace("Infinity", "null").replace("NaN", "null")
    assert {name: facts[name] for name in found} == json.loads(text)
    assert facts["p"]["shape"] == [48, 9] and facts["p"]["shortest"] == 1
    assert ", some shorter, down to 1)" in run("sparse", *names, cwd=folder).stdout


@pytest.mark.parametrize(
    ("ids", "logs", "said"),
    [
        ([[1, 2], [3]], [[-1.0, -2.0], [-1.0, -3.0]], "2 and 1 in row 1"),
        ([[1, 2], [3, 4]], [[-1.0, -2.0], [-1.0]], "1 and 2 in row 1"),
        ([[1, 2], None], [[-1.0, -2.0], [-1.0]], "outcomes in row 1, found none"),
    ],
)
def test_lists_that_do_not_fit_each_other(folder, ids, logs, said):
    pa.parquet.write_table(pa.table({"ids": ids, "logprobs": logs}), folder / "odd.parquet")
    found = complaint("sparse", "odd.parquet", "odd.parquet", cwd=folder)
    assert "odd.parquet" in found and said in found


def test_the_page_prints_what_it_says(source_tree, tmp_path, monkeypatch):
    blocks = blocks_of((source_tree / "docs" / "sparse.md").read_text())
    assert {block.kind for block in blocks} == {"pycon", "console", "text"}
    monkeypatch.chdir(tmp_path)
    assert list(complaints("docs/sparse.md", blocks)) == []
