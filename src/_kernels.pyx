# cython: language_level=3, boundscheck=False, initializedcheck=False
# cython: binding=True, embedsignature=False, freethreading_compatible=True
"""The measures: arguments in, rows scored in C without the GIL, results out.

Design note. (a) These functions are the API; a Python layer above would cost more than a short
row. (b) Data flows one way: keywords (arguments.pxi), arrays (arrays.pxi), rows (C), errors
(errors.pxi). (c) Small 1-D arrays of one kernel type with no keyword given take a way
without any of that (short.pxi); whatever is unusual about them sends them the long way, so that no
check stands twice.
"""

import os
import sys
from operator import index as _index

import numpy as np

cimport numpy as cnp
from cpython.object cimport PyObject
from libc.math cimport HUGE_VAL, exp, log, sqrt
from libc.stdint cimport int64_t, uint8_t
from numpy cimport ndarray

from kl cimport *

cnp.import_array()

cdef extern from *:
    """
    #ifndef KL_C_VERSION
    #define KL_C_VERSION "unknown"
    #endif
    """
    const char *KL_C_VERSION

include "errors.pxi"
include "arguments.pxi"
include "arrays.pxi"

__version__ = KL_C_VERSION.decode()

cdef ptrdiff_t SHORT = 4096  # elements for which the GIL is kept


def _choose_backend():
    """The best backend that this CPU runs, or the one that KL_C_BACKEND names."""
    global kl_active
    cdef int i
    forced = os.environ.get("KL_C_BACKEND")
    names = []
    for i in range(KL_BACKENDS):
        if kl_cpu_runs(kl_all_backends[i]):
            names.append(kl_all_backends[i].name.decode())
            if forced is None or forced == "" or forced == names[-1]:
                kl_active = kl_all_backends[i]
    if forced and forced not in names:
        raise ImportError(f"KL_C_BACKEND={forced}: this build and CPU have {', '.join(names)}")
    return tuple(names)


BACKENDS = _choose_backend()
BLOCK = KL_BLOCK
LANES = {name: kl_active.lanes[i] for i, name in enumerate(DTYPES)}
MEASURES = {}
cdef int _i = 0
while kl_measures[_i].name != NULL:
    MEASURES[kl_measures[_i].name.decode()] = kl_measures[_i].kind.decode()
    _i += 1
STATISTICS = {}
_i = 0
while kl_statistics[_i].name != NULL:
    STATISTICS[kl_statistics[_i].name.decode()] = kl_statistics[_i].kind.decode()
    _i += 1


def show_config():
    """What was built and what was chosen.

    Returns
    -------
    dict
        ``version``; ``backend``, the one in use; ``backends``, those that this build and CPU have,
        lowest first; ``lanes`` per vector and dtype; ``block``, the most elements per block;
        ``compiler``; ``numpy``, the version in use.

    Examples
    --------
    >>> kl_c.show_config()["backend"] in kl_c.show_config()["backends"]
    True
    """
    return {
        "version": __version__,
        "backend": kl_active.name.decode(),
        "backends": list(BACKENDS),
        "lanes": dict(LANES),
        "block": BLOCK,
        "compiler": kl_compiler.decode(),
        "numpy": np.__version__,
    }


include "score.pxi"
include "pairs.pxi"
include "family.pxi"
include "singles.pxi"
include "short.pxi"
include "files.pxi"
include "compare.pxi"
