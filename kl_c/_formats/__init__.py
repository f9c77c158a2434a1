"""Files of rows in the formats that programs leave them in.

``open_rows`` recognises a file by its content and gives a ``RowFile``: what its header says,
checked against its size, and ``read(start, stop)`` in flat memory. ``rows`` is that interface; a
format is a module that reads a header, and most end in an ``ArrayFile``, an array at an offset.

| module | format |
|---|---|
| ``npy``, ``npz`` | what ``numpy.save`` and ``numpy.savez`` write |
| ``safetensors``, ``shards`` | tensors by name, in one file or several |
| ``llamacpp``, ``llamacpp_writer`` | llama.cpp's reference logits |
| ``columns`` | a column of lists in a Parquet or Arrow file |
| ``recognise`` | which of them a file is; numbers without a header, by ``dtype`` and ``shape`` |
| ``writers`` | the way back, block by block |
"""

from kl_c._errors import InputError
from kl_c._formats.recognise import RawLayout, open_rows
from kl_c._formats.rows import BLOCK_BYTES, RowFile, describe

__all__ = ["BLOCK_BYTES", "InputError", "RawLayout", "RowFile", "describe", "open_rows"]
