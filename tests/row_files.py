"""The same rows in every format that is read, written by the programs that define the formats."""

import json

import numpy as np
import safetensors.numpy

from kl_c._formats import RawLayout
from kl_c._formats.llamacpp_writer import LogitsWriter


def npy(folder, rows):
    np.save(folder / "rows.npy", rows)
    return "rows.npy"


def npz(folder, rows):
    np.savez(folder / "rows.npz", rows)
    return "rows.npz"


def npz_of_several(folder, rows):
    np.savez(folder / "several.npz", tokens=np.arange(3), rows=rows)
    return "several.npz:rows"


def npz_compressed(folder, rows):
    np.savez_compressed(folder / "compressed.npz", rows=rows)
    return "compressed.npz"


def safetensors_file(folder, rows):
    safetensors.numpy.save_file({"rows": rows}, folder / "rows.safetensors")
    return "rows.safetensors"


def safetensors_of_several(folder, rows):
    tensors = {"a": np.arange(3.0), "rows": rows, "z": np.ones(5, np.uint8)}
    safetensors.numpy.save_file(tensors, folder / "several.safetensors", {"made by": "a test"})
    return "several.safetensors:rows"


def safetensors_in_parts(folder, rows):
    cut = len(rows) // 3
    parts = {"rows.0": rows[:cut], "rows.1": rows[cut:]}
    safetensors.numpy.save_file(
        {name: np.ascontiguousarray(part) for name, part in parts.items()},
        folder / "parts.safetensors",
    )
    return "parts.safetensors:rows"


def index_of_shards(folder, rows):
    cut = len(rows) // 2
    weight_map = {}
    for number, part in enumerate((rows[:cut], rows[cut:]), 1):
        file = f"shard-{number:05d}-of-00002.safetensors"
        tensors = {f"rows.{number}": np.ascontiguousarray(part)}
        safetensors.numpy.save_file(tensors, folder / file)
        weight_map[f"rows.{number}"] = file
    index = {"metadata": {"total_size": rows.nbytes}, "weight_map": weight_map}
    (folder / "shards.safetensors.index.json").write_text(json.dumps(index))
    return "shards.safetensors.index.json"


def pattern_of_files(folder, rows):
    for number in range(len(rows)):  # two digits: 10 comes after 9
        np.save(folder / f"piece-{number}.npy", rows[number : number + 1])
    return "piece-*.npy"


def raw(folder, rows):
    (folder / "rows.bin").write_bytes(rows.tobytes())
    return "rows.bin"


# Those that hold any float type as it is.
EXACT = (
    npy,
    npz,
    npz_of_several,
    npz_compressed,
    safetensors_file,
    safetensors_of_several,
    safetensors_in_parts,
    index_of_shards,
    pattern_of_files,
    raw,
)
SINGLE = (npy, npz, npz_compressed, safetensors_file, safetensors_of_several, raw)


def layout(write, rows):
    """What ``open_rows`` must be told beside the path."""
    return RawLayout(rows.dtype, rows.shape) if write is raw else None


def write_logits(path, tokens, rows, clip=16):
    with open(path, "wb") as file:
        LogitsWriter(file, np.asarray(tokens), rows.shape[1], clip).write(rows)
