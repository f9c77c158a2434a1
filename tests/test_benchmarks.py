"""The programs of bench/ run, and what the documents quote is what their results say."""

import json
import os
import shutil
import subprocess
import sys

import pytest

# A few lines of every part, so that each way of measuring and drawing is taken once.
SOME = (
    "^kl_divergence, probs, float32$|^call on|^extra memory"
    "|probs, float(64|32), (one pair|128 x)|^compare, logits, bfloat16"
    "|^one row, probs, float32, (8|64|1024) |^rows of 16, .* 100?0? rows|[12] GB in each file"
)


def run(program, *arguments):
    """A program of bench/, which imports its neighbours, unlike those of a user."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    return subprocess.run(
        [sys.executable, str(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.fixture(scope="module")
def quick_results(source_tree, tmp_path_factory):
    """The folder of a quick run, and what it printed."""
    folder = tmp_path_factory.mktemp("results")
    program = source_tree / "bench" / "run.py"
    done = run(program, "--quick", "--only", SOME, "--results", folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_quick_run_keeps_every_sample(quick_results):
    folder, printed = quick_results
    parts = {"latest", "matrix", "family", "growth", "files"}
    assert {path.stem for path in folder.iterdir()} == parts
    for path in folder.iterdir():
        result = json.loads(path.read_text())
        assert result["quick"]
        assert {"machine", "versions", "kl_c", "commit"} <= result.keys()
        measured = [entry for entry in result["lines"] if "absent" not in entry]
        assert measured
        for entry in measured:
            assert entry["name"] in printed
            for process in entry["samples"]:
                assert process.keys() == entry["least"].keys()
                assert all(times for times in process.values())


def test_what_is_absent_is_named(quick_results):
    folder, printed = quick_results
    result = json.loads((folder / "matrix.json").read_text())
    absent = {x for entry in result["lines"] for x in entry.get("absent libraries", ())}
    assert "NumPy" not in absent
    for name in absent:
        assert f"absent: {name}" in printed or f", {name}" in printed


def test_pictures_are_drawn_from_the_results_alone(source_tree, quick_results, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra bench or cli")
    folder, _ = quick_results
    output = tmp_path / "pictures"
    done = run(source_tree / "bench" / "pictures.py", "--results", folder, "--output", output)
    assert done.returncode == 0, done.stderr
    drawn = {path.name for path in output.iterdir()}
    # The imports are not among the lines that ran: what was not measured is not drawn.
    assert drawn == {f"bench-{x}.png" for x in ("read-rate", "outcomes", "growth", "small-call")}
    assert all(path.stat().st_size > 10_000 for path in output.iterdir())


def test_documents_say_what_the_results_say(source_tree):
    done = run(source_tree / "bench" / "quote.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_figure_typed_by_hand_is_found(source_tree, tmp_path):
    for name in ("bench", "docs"):
        shutil.copytree(source_tree / name, tmp_path / name)
    text = (source_tree / "README.md").read_text()
    before, begin, after = text.partition("<!-- speed table: begin -->")
    lines = after.splitlines(keepends=True)
    assert lines[3].startswith("| kl_divergence, probs, float32 | ")
    lines[3] = lines[3].replace("float32 | 0.", "float32 | 1.", 1)
    (tmp_path / "README.md").write_text(before + begin + "".join(lines))
    quote = tmp_path / "bench" / "quote.py"
    found = run(quote, "--check")
    assert (found.returncode, found.stdout) == (1, "README.md differs from bench/results\n")
    assert run(quote).returncode == 0
    assert (tmp_path / "README.md").read_text() == text


def test_columns_of_labels_are_measured(source_tree, tmp_path):
    path = tmp_path / "labels.json"
    done = run(source_tree / "bench" / "labels.py", "--rows", 20_000, "--results", path)
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    assert result["quick"]
    for entry in result["lines"]:
        assert entry["name"] in done.stdout
        assert {"kl_c", "scikit-learn"} <= entry["least"].keys()
