"""The widest instructions that a contestant may use: those of kl_c's backend.

What is compared is the work, not which library knows more of the processor: where an AVX2 backend
is asked for on a processor with AVX-512, the peers are kept from AVX-512 too, those that can be.
"""

import numpy as np

import kl_c

# What keeps a library to AVX2; NumPy must be told by the names of what it found.
OTHERS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",  # torch
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
}


def environment() -> dict[str, str]:
    """The variables of a process that measures."""
    if not narrowed():
        return {}
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(wider_in_numpy())} | OTHERS


def of_numpy() -> str:
    """The widest that NumPy uses in such a process."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    unused = wider_in_numpy() if narrowed() else []
    used = [x for x in extensions.get("found", []) if x not in unused]
    return [*extensions["baseline"], *used][-1]


def narrowed() -> bool:
    return kl_c.show_config()["backend"] == "avx2" and bool(wider_in_numpy())


def wider_in_numpy() -> list[str]:
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return [x for x in found if x.startswith("AVX512") or x == "X86_V4"]
