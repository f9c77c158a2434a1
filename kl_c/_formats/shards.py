"""Rows that lie in several arrays: parts of a file, files of an index, files of one pattern."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError
from kl_c._formats.rows import Floor, RowFile, describe
from kl_c._formats.safetensors import read_tensors

__all__ = ["choose", "open_index", "open_several"]

Opener = Callable[[], RowFile]

# logits.0, logits_00017: the parts of one tensor.
PART = re.compile(r"(.+?)[._-](\d+)")
# dump-00001-of-00004.safetensors, as Hugging Face names shards.
COUNTED = re.compile(r"(\d+)-of-(\d+)")


def choose(path: str, tensors: Mapping[str, Opener], name: str | None) -> RowFile:
    """The tensor of that name, or its numbered parts; without a name, the only one there is."""
    if name in tensors:
        return tensors[str(name)]()
    if name is None and len(tensors) == 1:
        return next(iter(tensors.values()))()
    parts: dict[str, dict[int, Opener]] = {}
    for full, tensor in tensors.items():
        if found := PART.fullmatch(full):
            parts.setdefault(found[1], {})[int(found[2])] = tensor
    if name is None and len(parts) == 1 and sum(map(len, parts.values())) == len(tensors):
        (name,) = parts
    if name in parts:
        numbers = sorted(parts[str(name)])
        _check_numbers(path, f"tensors {name}", numbers, range(min(1, numbers[0]), numbers[-1] + 1))
        return _Joined(path, [parts[str(name)][number]() for number in numbers])
    expected = f"{path}:NAME" if name is None else f"a tensor named {name}"
    raise InputError(
        f"{path}: expected {expected}, found the tensors " + (", ".join(tensors) or "none")
    )


def open_several(path: str, files: Sequence[str], open_one: Callable[[str], RowFile]) -> RowFile:
    """The files of one pattern, in the order of the numbers in their names."""
    ordered = sorted(files, key=_by_numbers)
    counted = [COUNTED.search(os.path.basename(file)) for file in ordered]
    if any(counted):
        for file, found in zip(ordered, counted, strict=True):
            if found is None or found[2] != next(filter(None, counted))[2]:
                raise InputError(f"{path}: expected shards of one count, found {file} among them")
        numbers = [int(found[1]) for found in counted if found]
        total = int(next(filter(None, counted))[2])
        first = 0 if 0 in numbers else 1
        _check_numbers(path, "shards", numbers, range(first, first + total))
    seen: dict[tuple[int, int], str] = {}
    for file in ordered:
        identity = os.stat(file)
        earlier = seen.setdefault((identity.st_dev, identity.st_ino), file)
        if earlier is not file:
            raise InputError(
                f"{path}: expected shards that do not overlap, found {earlier} again as {file}"
            )
    return _Joined(path, [open_one(file) for file in ordered])


def open_index(path: str, file: str, name: str | None) -> RowFile:
    """The tensor, or its numbered parts, of the shards that a ``.index.json`` names."""
    try:
        with open(file, "rb") as stream:
            weight_map = dict(json.load(stream)["weight_map"])
        if not weight_map or not all(isinstance(shard, str) for shard in weight_map.values()):
            raise ValueError("a weight_map without file names")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(
            f"{path}: expected an index with a weight_map from tensors to files, found: {error!r}"
        ) from error
    tensors: dict[str, Opener] = {}
    for shard in sorted(set(weight_map.values())):
        shard_path = os.path.join(os.path.dirname(file), shard)
        if not os.path.exists(shard_path):
            raise InputError(f"{path}: expected the shard {shard_path}, found no such file")
        for tensor, array in read_tensors(shard_path, shard_path).items():
            if weight_map.get(tensor, shard) != shard or tensor in tensors:
                raise InputError(
                    f"{path}: expected {tensor} in {weight_map[tensor]} alone, found it in {shard} "
                    "too (the shards overlap)"
                )
            tensors[tensor] = array
    for tensor, shard in weight_map.items():
        if tensor not in tensors:
            raise InputError(f"{path}: expected {tensor} in {shard}, found no tensor of that name")
    return choose(path, {tensor: tensors[tensor] for tensor in weight_map}, name)


class _Joined(RowFile):
    def __init__(self, path: str, parts: Sequence[RowFile]) -> None:
        first = parts[0]
        for part in parts:
            if len(part.shape) < 2:
                raise InputError(f"{part.path}: expected rows x outcomes, found {part}")
            if (part.shape[-1:], part.dtype, len(part.shape), part.form) != (
                first.shape[-1:],
                first.dtype,
                len(first.shape),
                first.form,
            ):
                raise InputError(
                    f"{part.path}: expected rows as in {first.path}, "
                    f"{describe(first.shape, first.dtype)}, found "
                    f"{describe(part.shape, part.dtype)}"
                )
        same_batches = len({part.shape[1:] for part in parts}) == 1
        rows = (sum(part.shape[0] for part in parts), *first.shape[1:-1])
        shape = rows if same_batches else (sum(part.rows for part in parts),)
        files = list(dict.fromkeys(file for part in parts for file in part.files))
        super().__init__(path, files, (*shape, *first.shape[-1:]), first.dtype)
        self.format = first.format
        self.form = first.form
        self.clips = first.clips
        self._parts = parts
        self._ends = np.cumsum([part.rows for part in parts])

    def read(self, start: int, stop: int) -> NDArray[Any]:
        blocks = []
        for part, local in self._within(start, stop):
            part.workers = self.workers
            blocks.append(part.read(*local))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def stored(self, start: int, stop: int) -> Any:
        (part, local), *others = self._within(start, stop)
        part.workers = self.workers
        return self.read(start, stop) if others else part.stored(*local)

    def spacing(self, start: int, stop: int, block: NDArray[Any] | None = None) -> NDArray[Any]:
        blocks, done = [], 0
        for part, local in self._within(start, stop):
            count = local[1] - local[0]
            own = None if block is None else block[done : done + count]
            blocks.append(np.broadcast_to(part.spacing(*local, own), (count, self.shape[-1])))
            done += count
        return np.concatenate(blocks)

    def floor(self, start: int, stop: int) -> Floor | None:
        floors = [part.floor(*local) for part, local in self._within(start, stop)]
        if any(floor is None for floor in floors):
            return None
        return Floor(*map(np.concatenate, zip(*filter(None, floors), strict=True)))

    @property
    def labels(self) -> NDArray[np.int64] | None:
        labels = [part.labels for part in self._parts]
        found = [each for each in labels if each is not None]
        return np.concatenate(found) if len(found) == len(labels) else None

    @property
    def tokens(self) -> NDArray[np.int32] | None:
        found = [part.tokens for part in self._parts if part.tokens is not None]
        if len(found) < len(self._parts) or len({tokens.shape[1] for tokens in found}) > 1:
            return None
        return np.concatenate(found)

    @property
    def groups(self) -> NDArray[np.int64] | None:
        groups, first = [], 0
        for part in self._parts:
            if part.groups is None:
                return None
            groups.append(part.groups + first)
            first = int(groups[-1].max(initial=first - 1)) + 1
        return np.concatenate(groups)

    def _within(self, start: int, stop: int) -> list[tuple[RowFile, tuple[int, int]]]:
        """The parts that hold these rows, each with its own numbers of them."""
        found = []
        for part, end in zip(self._parts, self._ends.tolist(), strict=True):
            begin = end - part.rows
            local = (max(start, begin) - begin, min(stop, end) - begin)
            if local[0] < local[1]:
                found.append((part, local))
        return found or [(self._parts[0], (0, 0))]


def _by_numbers(file: str) -> list[Any]:
    """``part-2`` before ``part-10``."""
    return [int(piece) if piece.isdigit() else piece for piece in re.split(r"(\d+)", file)]


def _check_numbers(path: str, what: str, numbers: Sequence[int], expected: range) -> None:
    missing = sorted(set(expected) - set(numbers))
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    beyond = sorted(set(numbers) - set(expected))
    for found, word in ((missing, "no"), (twice, "twice"), (beyond, "also")):
        if found:
            raise InputError(
                f"{path}: expected {what} {expected[0]} to {expected[-1]}, each once, found {word} "
                + ", ".join(map(str, found))
            )
