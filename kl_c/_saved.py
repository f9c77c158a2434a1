"""The rows of a comparison as an .npz file without pickles."""

import json
import os
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np

from kl_c import _kernels
from kl_c._files import replacing
from kl_c._label_shift import SHIFTS
from kl_c._statistics import STATISTICS, Columns, Settings, held

__all__ = ["DAMAGED", "Saved", "read", "write"]

# What reading a damaged or foreign file may raise.
DAMAGED = (
    EOFError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

# Of all statistics, what version 0.1.0 wrote before there were more; nothing else was in its files.
FIRST_VERSION = ("kl", "reverse_kl", "js", "cross_entropy", "entropy_p", "entropy_q", "same_top")
FIRST_VERSION_LABELS = ("nll_p", "nll_q")


class Saved(NamedTuple):
    """What a file holds beside its columns."""

    settings: Settings
    columns: Columns
    widths: tuple[int, int] | None  # outcomes of p and q, None before the first block
    groups_by_axis: bool | None  # None without groups


def write(path: str | os.PathLike[str], saved: Saved) -> None:
    """Write one array per column and the settings; the name appears when the file is complete."""
    config = _kernels.show_config()
    settings: dict[str, Any] = saved.settings._asdict()
    del settings["workers"]  # belongs to the machine; the scores are the same for any number
    settings |= {"widths": saved.widths, "groups_by_axis": saved.groups_by_axis}
    settings |= {name: config[name] for name in ("version", "backend")}
    columns = dict(saved.columns)
    if "groups" in columns and np.abs(columns["groups"]).max(initial=0) < 2**31:
        columns["groups"] = columns["groups"].astype(np.int32)
    with replacing(path) as file:
        arrays: dict[str, Any] = {"settings": np.array(json.dumps(settings)), **columns}
        np.savez(file, **arrays)


def read(path: str | os.PathLike[str]) -> Saved:
    """Read what `write` wrote, or an earlier version.

    Raises
    ------
    ValueError
        When the file was not written by `write` or is damaged; the text names the path.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        found = json.loads(str(columns.pop("settings")))
        if "widths" not in found:  # the first version, which named the width of both so
            found["widths"] = None if found["outcomes"] is None else 2 * [found["outcomes"]]
            found |= {"outcomes": "equal", "k": None, "groups_by_axis": None}
            columns["masked"] = np.zeros(columns["valid"].shape, bool)
            expected = _first_version(columns)
        else:
            expected = _expected(columns, found)
        keywords = {name: found[name] for name in Settings._fields if name != "workers"}
        if isinstance(keywords["form"], list):
            keywords["form"] = tuple(keywords["form"])
        settings = Settings(**keywords).checked()
        if "groups" in columns:
            columns["groups"] = columns["groups"].astype(np.int64, casting="safe")
        dtypes = {name: column.dtype for name, column in columns.items()}
        if dtypes != expected:
            raise ValueError(f"the arrays {', '.join(dtypes)}")
        if any(column.shape != columns["valid"].shape for column in columns.values()):
            raise ValueError("arrays of different lengths")
        widths = None if found["widths"] is None else (found["widths"][0], found["widths"][1])
        return Saved(settings, columns, widths, found["groups_by_axis"])
    except DAMAGED as error:
        raise ValueError(
            f"{os.fspath(path)}: expected rows written by Comparison.save, found {error}"
        ) from error


def _expected(columns: Columns, found: dict[str, Any]) -> dict[str, Any]:
    """The type of every column that a file with these settings has."""
    labelled = "nll_p" in columns
    settings = Settings(k=found["k"], outcomes=found["outcomes"])
    if not {s.name for s in held(labelled, settings)} <= set(columns):  # rows of an early version
        return _first_version(columns)
    expected: dict[str, Any] = {s.name: s.dtype for s in held(labelled, settings)}
    expected |= {"valid": bool, "masked": bool}
    if labelled:
        expected |= dict.fromkeys(SHIFTS, np.float32)
    if found["groups_by_axis"] is not None:
        expected["groups"] = np.int64
    return expected


def _first_version(columns: Columns) -> dict[str, Any]:
    names = FIRST_VERSION + (FIRST_VERSION_LABELS if "nll_p" in columns else ())
    dtypes = {s.name: s.dtype for s in STATISTICS}
    return {**{name: dtypes[name] for name in names}, "valid": bool, "masked": bool}
