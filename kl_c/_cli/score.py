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
from kl_c._cli.outputs import check_outputs, each_in_turn, for_each, write_text
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
            None if args.json == "-" else args.json,
            *(args.markdown, args.report, args.checkpoint),
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
    facts = report(base, candidates, sides, reading, args.argv)
    partial = facts["partial"] is not None
    for candidate, found in zip(candidates, facts["candidates"], strict=True):
        found["strata"] = strata_facts(candidate.comparison, keys, reading.rows)
        found["gates"] = gate.judge(gates, found, partial=partial)
        found["rows_file"] = None
    interrupted = partial
    if args.verify is not None and not partial:
        interrupted = not _verified(args.verify, facts, base, candidates, sides)

    def table() -> None:
        if args.json == "-":
            return
        if args.as_llamacpp and not interrupted:
            sys.stdout.write(as_llamacpp(base, candidates[0].file, sides))
        else:
            show(*contents(facts))

    def kept_rows() -> None:
        for candidate, found in zip(candidates, facts["candidates"], strict=True):
            if path := rows.get(candidate.name):
                keep_rows(candidate.comparison, path)
                found["rows_file"] = facts_of_rows(path, args.json)

    def json_text() -> None:
        if args.json == "-":
            sys.stdout.write(as_json(facts))
        elif args.json is not None:
            write_text(args.json, as_json(facts))

    def markdown() -> None:
        if args.markdown is not None:
            write_text(args.markdown, as_markdown(facts))

    def pictures() -> None:
        if args.plot or args.report is not None:
            drawn = run_of(facts, [candidate.comparison for candidate in candidates])
            if args.report is not None:
                write_text(args.report, as_page(facts, drawn))
            write_plots(args.plot, drawn)

    crossed = _crossed(facts)
    try:
        each_in_turn(table, kept_rows, json_text, markdown, pictures)
    finally:
        if crossed:
            print("kl-c: a gate is crossed:", *crossed, file=sys.stderr)
    if interrupted:
        found = facts["partial"] or {"rows": base.rows, "of": base.rows}
        print(f"kl-c: interrupted after {found['rows']} of {found['of']} rows", file=sys.stderr)
        return 130
    if checkpoint is not None:
        checkpoint.remove()
    return 1 if crossed else 0


def _verified(
    count: int,
    facts: dict[str, Any],
    base: RowFile,
    candidates: list[Candidate],
    sides: Sides,
) -> bool:
    """Score rows again; False where that is interrupted, which must not cost the figures."""
    try:
        for candidate, found in zip(candidates, facts["candidates"], strict=True):
            found["verification"] = verify(candidate.comparison, base, candidate.file, sides, count)
    except KeyboardInterrupt:
        return False
    return True


def _crossed(facts: dict[str, Any]) -> list[str]:
    """The gates that are crossed, by name."""
    several = len(facts["candidates"]) > 1
    return [
        f"{candidate['name']}:{found['name']}" if several else found["name"]
        for candidate in facts["candidates"]
        for found in candidate["gates"]
        if found["crossed"]
    ]
