"""What ``--json`` writes against its published description."""

import copy
import json
from importlib import resources

import numpy as np
import pytest

from every_measure import rows
from kl_c._cli import main, scoring
from program import press_at

jsonschema = pytest.importorskip("jsonschema", reason="comes with the extra test")

SCHEMA = json.loads(resources.files("kl_c._cli").joinpath("score.schema.json").read_text())

GROUPS = ("--groups", "texts.npy")

# Every field shows in one of these; files are made by `folder`.
RUNS = [
    ("base.npy", "q8.npy"),
    ("base.npy", "A=q8.npy@8.5", "B=q6.npy@6.6", "--labels", "labels.npy", "--bits"),
    (
        "base.npy",
        "A=q8.npy@8GB",
        "B=q6.npy@6GB",
        "--groups",
        "few.npy",
        "--fail-above",
        "kl.mean=1",
    ),
    ("batch.npy", "half.npy", "--tokens", "tokens.npy", "--k", "3", "--fail-below", "kl.p1=-1"),
    ("base.npy", "wide.npy", "--outcomes", "common", "--mask", "mask.npy", "--verify", "1"),
    ("base.npy", "q8.npy", "--k", "2", "--strata", "entropy", "--strata", "few.npy", *GROUPS),
    (
        "base.npy",
        "q8.npy",
        "--outcomes",
        "39",
        "--labels",
        "few.npy",
        "--strata",
        "position",
        *GROUPS,
    ),
    ("base.npy", "holes.npy", "--invalid", "nan", "--eps", "0", "--temperature", "2"),
    ("base.npy", "q8.kld", "--form", "logits,log_probs", "--outcomes", "39"),
    ("q8.kld", "q8.kld"),
    ("none.npy", "none.npy", "--rows", "none.csv"),
]


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    shape = (30, 40)
    base, other = rows(shape, "logits"), rows(shape, "logits", seed=1)
    holes = other.copy()
    holes[3], holes[4, 5] = np.nan, -np.inf
    arrays = {"base": base, "q8": other, "q6": other + base, "holes": holes, "none": base[:0]}
    arrays |= {
        "wide": np.hstack([other, other]),
        "few": np.arange(30) % 4,
        "texts": np.arange(30) % 15,
    }
    arrays |= {"labels": np.arange(30), "mask": np.arange(30) > 2, "text": np.zeros((2, 32), int)}
    arrays |= {"batch": base.reshape(6, 5, 40), "half": other.reshape(6, 5, 40).astype(np.float16)}
    arrays |= {"tokens": np.arange(30).reshape(6, 5)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    files = [str(folder / name) for name in ("q8.npy", "q8.kld")]
    assert main(["convert", *files, "--tokens", str(folder / "text.npy")]) == 0
    return folder


@pytest.fixture(scope="module")
def written(folder):
    found = []
    for number, run in enumerate(RUNS):
        path = folder / f"{number}.json"
        form = () if "--form" in run or run[0] == "q8.kld" else ("--form", "logits")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert main(["score", *run, *form, "--json", str(path)]) == 0
        found.append(json.loads(path.read_text()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BLOCK_BYTES", 1)  # a row at a time
        press_at(patch, 20)
        files = [str(folder / name) for name in ("base.npy", "q8.npy")]
        assert main(["score", *files, "--form", "logits", "--json", str(path)]) == 130
    return [*found, json.loads(path.read_text())]


def test_every_run_is_as_described(written, validator):
    for found in written:
        validator.validate(found)


def collapsed(path):
    """What is described in one place is looked for in one: all strata are as the whole, and all
    statistics are one (flags have no percentiles, label_change alone has rms)."""
    if "parts" in path:
        path = ("candidates", "[]", *path[path.index("parts") + 2 :])
    if "statistics" in path[:-2]:
        path = ("statistics", "*", *path[path.index("statistics") + 2 :])
    return path


def test_everything_described_is_there(written):
    """A field that no run writes would be described in vain."""
    described, seen = set(), set()

    def resolved(schema):
        return SCHEMA["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema

    def names(schema, path):
        schema = resolved(schema)
        for part in schema.get("anyOf", ()):
            names(part, path)
        for name, inner in schema.get("properties", {}).items():
            described.add((*path, name))
            names(inner, (*path, name))
        if isinstance(schema.get("additionalProperties"), dict):
            names(schema["additionalProperties"], (*path, "*"))
        if isinstance(schema.get("items"), dict):
            names(schema["items"], (*path, "[]"))

    def walk(schema, value, path):
        schema = resolved(schema)
        for part in schema.get("anyOf", ()):
            walk(part, value, path)
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in schema.get("properties", {}):
                    seen.add((*path, name))
                    walk(schema["properties"][name], inner, (*path, name))
                elif isinstance(schema.get("additionalProperties"), dict):
                    walk(schema["additionalProperties"], inner, (*path, "*"))
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for inner in value:
                walk(schema["items"], inner, (*path, "[]"))

    names(SCHEMA, ())
    for found in written:
        walk(SCHEMA, found, ())
    described, seen = ({collapsed(path) for path in paths} for paths in (described, seen))
    assert described == seen


def test_another_shape_is_not_as_described(written, validator):
    """The description is strict: what it has not is wrong, and so is what lacks."""
    found = written[1]

    def broken(place):
        changed = copy.deepcopy(found)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        return changed, inner, place[-1]

    one = ("candidates", 1)
    for place in [
        *((name,) for name in found),
        *((*one, name) for name in ("name", "q", "form", "rows", "statistics", "gates")),
        *((*one, "statistics", "kl"), (*one, "statistics", "kl", "mean")),
        *((*one, "paired", "with"), (*one, "paired", "differences")),
        (*one, "likelihood", "ratio", "value"),
    ]:
        changed, inner, name = broken(place)
        inner["another"] = inner.pop(name)
        assert not validator.is_valid(changed), place
        changed, inner, name = broken(place)
        inner[name] = b"no JSON"
        assert not validator.is_valid(changed), place
