"""``kl-c score BASE CANDIDATE ...``: files compared row by row, in flat memory."""

import argparse
import sys
from typing import Any

from kl_c._cli import gate
from kl_c._cli.as_llamacpp import as_llamacpp, refuse_other_files
from kl_c._cli.candidates import Candidate, check_together
from kl_c._cli.checkpoint import Checkpoint
from kl_c._cli.inputs import open_all
from kl_c._cli.kept_rows import facts_of_rows, keep_rows, require_writer
from kl_c._cli.layout import show
from kl_c._cli.markdown import as_markdown
from kl_c._cli.outputs import check_outputs, for_each
from kl_c._cli.page import as_page
from kl_c._cli.plots import refuse_without_sizes, require_matplotlib, run_of, write_plots
from kl_c._cli.report import as_json, report
from kl_c._cli.score_arguments import add_arguments
from kl_c._cli.scoring import begin_comparison, score
from kl_c._cli.sides import Sides
from kl_c._cli.strata import open_keys, strata_facts
from kl_c._cli.tables import contents
from kl_c._cli.verify import require_mpmath, verify
from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._formats import RowFile

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Compare the candidates with the base, write what was asked for, print the table."""
    if args.verify is not None:
        require_mpmath()
    if args.plot:
        require_matplotlib("--plot")
        refuse_without_sizes(args.plot, [written.size for written in args.candidates])
    check_together(args.candidates)
    names = [written.name for written in args.candidates]
    gates = [*args.fail_above, *args.fail_below]
    gate.refuse_unknown(gates, names)
    if args.as_llamacpp and len(names) > 1:
        raise InputError(f"--as-llamacpp: expected one candidate, found {len(names)}")
    rows = for_each(names, "--rows", args.rows)
    require_writer(rows.values())
    base, *others = open_all(args)
    sides = Sides.open(args, base, others)
    keys = open_keys(args.strata, base)
    read = [base, *others, *sides.files.values(), *(key.file for key in keys if key.file)]
    check_outputs(
        [
            *(args.json, args.markdown, args.report, args.checkpoint),
            *rows.values(),
            *(plot.path for plot in args.plot),
        ],
        [path for file in read for path in file.files],
    )
    candidates = [
        Candidate(written, file, begin_comparison(args, base, file))
        for written, file in zip(args.candidates, others, strict=True)
    ]
    if args.as_llamacpp:
        refuse_other_files(base, sides, candidates[0].comparison.settings.forms()["q"])
    checkpoint = None
    if args.checkpoint is not None:
        checkpoint = Checkpoint(args.checkpoint, base, candidates, sides)
    reading = score(base, candidates, sides, checkpoint)
    for candidate in candidates:
        if candidate.name in rows:
            keep_rows(candidate.comparison, rows[candidate.name])
    facts = report(base, candidates, sides, reading, args.argv)
    for candidate, found in zip(candidates, facts["candidates"], strict=True):
        if args.verify is not None and facts["partial"] is None:
            found["verification"] = verify(
                candidate.comparison, base, candidate.file, sides, args.verify
            )
        found["strata"] = strata_facts(candidate.comparison, keys, reading.rows)
        path = rows.get(candidate.name)
        found["rows_file"] = None if path is None else facts_of_rows(path, args.json)
        found["gates"] = gate.judge(gates, found, partial=facts["partial"] is not None)
    _write(args, facts, base, candidates, sides)
    _draw(args, facts, candidates)  # last: the figures must not be lost with a picture
    if checkpoint is not None and facts["partial"] is None:
        checkpoint.remove()
    return _end(facts)


def _write(
    args: argparse.Namespace,
    facts: dict[str, Any],
    base: RowFile,
    candidates: list[Candidate],
    sides: Sides,
) -> None:
    if args.markdown is not None:
        with replacing(args.markdown) as file:
            file.write(as_markdown(facts).encode())
    if args.json == "-":
        sys.stdout.write(as_json(facts))
        return
    if args.json is not None:
        with replacing(args.json) as file:
            file.write(as_json(facts).encode())
    if args.as_llamacpp and facts["partial"] is None:
        sys.stdout.write(as_llamacpp(base, candidates[0].file, sides))
    else:
        show(*contents(facts))


def _draw(args: argparse.Namespace, facts: dict[str, Any], candidates: list[Candidate]) -> None:
    if args.plot or args.report is not None:
        run = run_of(facts, [candidate.comparison for candidate in candidates])
        if args.report is not None:
            with replacing(args.report) as file:
                file.write(as_page(facts, run).encode())
        write_plots(args.plot, run)


def _end(facts: dict[str, Any]) -> int:
    """Say which gates are crossed, and whether the run was cut short; the exit code."""
    several = len(facts["candidates"]) > 1
    crossed = [
        f"{candidate['name']}:{found['name']}" if several else found["name"]
        for candidate in facts["candidates"]
        for found in candidate["gates"]
        if found["crossed"]
    ]
    if crossed:
        print("kl-c: a gate is crossed:", *crossed, file=sys.stderr)
    if facts["partial"] is not None:
        rows, of = facts["partial"]["rows"], facts["partial"]["of"]
        print(f"kl-c: interrupted after {rows} of {of} rows", file=sys.stderr)
        return 130
    return 1 if crossed else 0
