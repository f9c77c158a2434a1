"""Calls into the compiled module with one backend forced, each backend in a process of its own.

A backend is chosen at import, so the forced one needs a fresh interpreter. This file is both sides:
``run`` starts the process, and run as a program it answers with what the calls returned.
"""

import os
import pickle
import subprocess
import sys
from operator import attrgetter


def run(backend, calls):
    """Results of ``calls``, a list of (measure, args, kwargs), and the backend's (LANES, BLOCK)."""
    done = subprocess.run(
        [sys.executable, __file__, backend],
        input=pickle.dumps(calls),
        stdout=subprocess.PIPE,
        env=os.environ | {"KL_C_BACKEND": backend},
        check=True,
    )
    return pickle.loads(done.stdout)


def main():
    import kl_c
    from kl_c import _kernels

    backend = kl_c.show_config()["backend"]
    assert backend == sys.argv[1], f"asked for {sys.argv[1]}, got {backend}"
    calls = pickle.load(sys.stdin.buffer)
    results = [attrgetter(measure)(kl_c)(*args, **kwargs) for measure, args, kwargs in calls]
    answer = results, (dict(_kernels.LANES), _kernels.BLOCK)
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    main()
