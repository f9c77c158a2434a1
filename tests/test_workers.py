"""How many threads a call takes: from its argument, `set_workers`, the environment, the system."""

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import kl_c
from kl_c import _workers

# 20 million elements from a few hundred KB: long enough for a thread to start even on a busy CPU.
P = np.broadcast_to(np.full(100_000, 1e-5, np.float32), (200, 100_000))


@pytest.fixture
def own_default():
    yield
    kl_c.set_workers(None)


def share_of_others(**keywords):
    """The part of the CPU time of one call that other threads than the caller spent."""
    own, all_threads = time.thread_time(), time.process_time()
    kl_c.kl_divergence(P, P, **keywords)
    own, all_threads = time.thread_time() - own, time.process_time() - all_threads
    return 1 - own / all_threads


@pytest.mark.parametrize(("workers", "others"), [(1, 0), (2, 1 / 2), (4, 3 / 4), (None, 0)])
def test_the_argument_says_how_many_threads_work(workers, others):
    # A busy machine may let one thread do the most; nothing makes threads that do not exist work.
    share = max(share_of_others(workers=workers) for _ in range(5))
    assert (share > 0.5 * others) if others else (share < 0.05)


def test_set_workers_is_for_calls_that_do_not_say(own_default):
    kl_c.set_workers(2)
    assert max(share_of_others() for _ in range(5)) > 0.25
    assert max(share_of_others(workers=1) for _ in range(5)) < 0.05
    kl_c.set_workers(None)
    assert max(share_of_others() for _ in range(5)) < 0.05


def test_every_cpu_of_the_process(monkeypatch):
    asked = []
    monkeypatch.setattr(_workers, "available", lambda: asked.append(0) or 3)
    assert max(share_of_others(workers=-1) for _ in range(5)) > 0.33
    asked.clear()
    kl_c.kl_divergence(P[:1], P[:1], workers=-1)  # one row is scored by one thread, whatever it is
    assert asked == []


SHARE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_workers import kl_c, share_of_others
kl_c.set_workers(None)
print(max(share_of_others() for _ in range(5)))
"""


def with_environment(text, program=SHARE):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KL_C_NUM_THREADS": text},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("text", "least", "most"), [("", 0, 0.05), ("1", 0, 0.05), ("2", 0.25, 1)])
def test_the_environment_says_what_the_process_begins_with(text, least, most):
    done = with_environment(text)
    assert done.returncode == 0, done.stderr
    assert least <= float(done.stdout) <= most


@pytest.mark.parametrize("text", ["0", "-2", "1.5", "two", " "])
def test_an_environment_that_says_no_number(text):
    done = with_environment(text, "import kl_c")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: KL_C_NUM_THREADS={text}: the number of threads must be an integer, at "
        "least 1, or -1 for all"
    )


# The limit counts the threads of a user, and root is above it. How many may be created is found
# out by creating them: what the limit stops here, it stops in a call.
REFUSED = """
import os, resource, threading, time
import kl_c._workers  # while its file can be read
from test_workers import kl_c, np, share_of_others

p = np.random.default_rng(0).random((400, 1000))
bad = p.copy()
bad[[57, 311, 390]] = -1
def facts(workers):
    try:
        kl_c.kl_divergence(bad, p, form="counts", workers=workers)
    except kl_c.InvalidRowsError as error:
        return str(error)

def scores(workers):
    return kl_c.kl_divergence(p, p[::-1], form="counts", workers=workers).tobytes()

expected = scores(1), facts(1)
if os.getuid() == 0:
    os.setuid(65534)

def threads_possible(limit):
    time.sleep(0.1)  # a thread that was joined counts until the kernel has taken it away
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    release, threads = threading.Event(), []
    try:
        while len(threads) < 2:
            threads.append(threading.Thread(target=release.wait))
            threads[-1].start()
    except RuntimeError:
        threads.pop()
    release.set()
    for thread in threads:
        thread.join()
    return len(threads)

limit = 1
for possible in (0, 1):
    while threads_possible(limit) < possible:
        limit += 1
    assert threads_possible(limit) == possible
    for workers in (2, 7, -1):
        assert (scores(workers), facts(workers)) == expected
    share = max(share_of_others(workers=4) for _ in range(5))
    assert (share < 0.05) == (possible == 0), share
print("checked")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="how a system limits threads is its own")
def test_where_threads_are_refused_the_caller_does_the_work():
    done = subprocess.run(
        [sys.executable, "-c", REFUSED],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "checked\n"), done.stderr


def process(tmp_path, groups, mounts, files):
    """What the system says about a process, and the files of its control groups."""
    (tmp_path / "cgroup").write_text("".join(f"{line}\n" for line in groups))
    (tmp_path / "mountinfo").write_text(
        "".join(
            f"30 24 0:26 {root} {tmp_path}/{mount} rw,nosuid shared:9 - {kind} {kind} {options}\n"
            for root, mount, kind, options in mounts
        )
    )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


UNIFIED = [("/", "c", "cgroup2", "rw,nsdelegate")]
CPU = [("/", "cpu", "cgroup", "rw,cpu,cpuacct"), ("/", "memory", "cgroup", "rw,memory")]


def v1(quota, period=100_000):
    return {"cpu.cfs_quota_us": f"{quota}\n", "cpu.cfs_period_us": f"{period}\n"}


def within(directory, files):
    return {f"{directory}/{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "quota"),
    [
        (["0::/a/b"], UNIFIED, {"c/a/b/cpu.max": "150000 100000\n"}, 1.5),
        (["0::/a/b"], UNIFIED, {"c/a/b/cpu.max": "max 100000\n"}, math.inf),
        (["0::/a/b"], UNIFIED, {"c/a/b/cpu.max": "max 1\n", "c/a/cpu.max": "5 2\n"}, 2.5),
        (["0::/a/b"], UNIFIED, {"c/a/b/cpu.max": "3 1\n", "c/a/cpu.max": "4 1\n"}, 3),
        (["0::/a"], UNIFIED, {"c/b/cpu.max": "1 1\n"}, math.inf),  # of another group
        (["0::/"], UNIFIED, {"c/cpu.max": "50000 100000\n"}, 0.5),  # a container of its own
        (["0::/../x"], UNIFIED, {"c/cpu.max": "2 1\n"}, 2),  # outside its container
        (["4:cpu,cpuacct:/a", "0::/"], CPU, within("cpu/a", v1(250_000)), 2.5),
        (["4:cpu,cpuacct:/a", "0::/"], CPU, within("cpu/a", v1(-1)), math.inf),
        (["4:cpuacct,cpu:/a"], CPU, within("cpu", v1(300_000)), 3),
        (["4:cpu:/"], CPU, within("cpu", v1(1, 0)), math.inf),
        (["5:memory:/a"], CPU, within("memory/a", v1(100_000)), math.inf),
        # The mount shows only the container's part of the tree.
        (["4:cpu:/d/e"], [("/d", "cpu", "cgroup", "rw,cpu")], within("cpu/e", v1(200_000)), 2),
        (["4:cpu:/d"], [("/other", "cpu", "cgroup", "rw,cpu")], within("cpu", v1(200_000)), 2),
        # Nothing to read, or nothing that makes sense.
        ([], [], {}, math.inf),
        (["what is this"], UNIFIED, {"c/cpu.max": "1 1\n"}, math.inf),
        (["0::/"], UNIFIED, {"c/cpu.max": ""}, math.inf),
        (["0::/"], [("", "", "", "")], {}, math.inf),
    ],
)
def test_quota(tmp_path, groups, mounts, files, quota):
    assert _workers.quota(process(tmp_path, groups, mounts, files)) == quota


def test_no_quota_where_there_is_nothing_to_read(tmp_path):
    assert _workers.quota(tmp_path / "none") == math.inf


@pytest.mark.parametrize(
    ("cpus", "quota", "workers"),
    [(4, math.inf, 4), (4, 1.5, 2), (4, 0.2, 1), (2, 8.0, 2), (1, math.inf, 1)],
)
def test_all_is_the_lesser_of_affinity_and_quota_rounded_up(monkeypatch, cpus, quota, workers):
    monkeypatch.setattr(_workers, "affinity", lambda: cpus)
    monkeypatch.setattr(_workers, "quota", lambda: quota)
    assert _workers.available() == workers


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform has no affinity")
def test_affinity_is_that_of_the_calling_thread():
    found = []

    def work():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        found.append(_workers.affinity())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]
