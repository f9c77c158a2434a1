"""How many threads this process can keep busy: its affinity, and the quota of its control group.

Loaded by the first call that needs it for ``workers=-1``. Nothing here raises: what cannot be read
on a system sets no limit.
"""

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROCESS = Path("/proc/self")


def available() -> int:
    """Return the number of threads that ``workers=-1`` stands for."""
    # Rounded up: only two threads can use up a quota of 1.5 CPUs, and as rows are handed out when a
    # thread is free for them, one that the quota holds back holds back no other.
    return max(1, math.ceil(min(affinity(), quota())))


def affinity() -> int:
    """Return on how many CPUs the calling thread may run."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13, which also heeds -X cpu_count
        return os.process_cpu_count() or 1
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


@cache  # a fifth of a millisecond, and a running process is hardly ever given another quota
def quota(process: Path = PROCESS) -> float:
    """Return how many CPUs' worth of time the control groups of ``process`` leave it."""
    try:
        return min(map(_limit, _groups(process)), default=math.inf)
    except (OSError, ValueError):
        return math.inf


def _groups(process: Path) -> Iterator[Path]:
    """Every directory that may limit the process: its group and those above, in both hierarchies.

    A container may see only its own part: the root of a mount is then a group, not "/".
    """
    paths = {}
    for line in (process / "cgroup").read_text().splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            paths["cgroup2"] = Path(path)
        elif "cpu" in controllers.split(","):
            paths["cgroup"] = Path(path)
    for line in (process / "mountinfo").read_text().splitlines():
        place, _, system = line.partition(" - ")
        root, mount = place.split()[3:5]
        kind, *_, options = system.split()
        if kind in paths and (kind == "cgroup2" or "cpu" in options.split(",")):
            inside = paths[kind].relative_to(root) if paths[kind].is_relative_to(root) else Path()
            yield from (mount / group for group in (inside, *inside.parents))


def _limit(group: Path) -> float:
    for names in (("cpu.max", "cpu.max"), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            first, last = ((group / name).read_text().split() for name in names)
            time, period = float(first[0]), float(last[-1])
        except (OSError, ValueError, IndexError):  # "max", too, is no number
            continue
        if time > 0 and period > 0:
            return time / period
    return math.inf
