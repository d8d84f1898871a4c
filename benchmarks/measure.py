"""Whole processes, timed in turn: A, B, A, B, so that a machine that slows down slows both; and what a tree of processes occupies."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Paired:
    """Medians in seconds, and the median of the ratios of each pair."""

    seconds: float
    baseline_seconds: float
    ratio: float
    ratios: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> Paired:
        ratios = tuple(ours / theirs for ours, theirs in pairs)
        return cls(median(ours for ours, _ in pairs), median(theirs for _, theirs in pairs), median(ratios), ratios)


def paired_processes(command: Sequence[str], baseline: Sequence[str], runs: int) -> Paired:
    """`command` against `baseline` as whole processes, after one run of each that is not counted."""
    seconds_of(command)
    seconds_of(baseline)
    return Paired.of([(seconds_of(command), seconds_of(baseline)) for _ in range(runs)])


def seconds_of(command: Sequence[str]) -> float:
    """Wall seconds of one run.

    Raises:
        SystemExit: If it ends with an exit code other than 0.
    """
    began = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def peak_bytes(command: Sequence[str]) -> int | None:
    """The most that a command and its descendants occupy together, shared pages counted once; None where the system does not tell.

    Source:
        Linux, proc(5): `Pss` of `/proc/<pid>/smaps_rollup`, asked for fifty times a second.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peak = 0
        ended = threading.Event()
        while not ended.is_set():
            peak = max(peak, occupied_bytes(process.pid))
            if process.poll() is not None:
                ended.set()
            ended.wait(_POLL_SECONDS)
    return peak


def occupied_bytes(root: int) -> int:
    """What a process and its descendants occupy now; 0 where the system does not tell."""
    return sum(map(_proportional_bytes, _tree(root))) if Path("/proc/self/smaps_rollup").exists() else 0


def _tree(root: int) -> set[int]:
    """A process and its descendants."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:  # ended meanwhile
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    tree = {root}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
