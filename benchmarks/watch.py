"""What a build costs, all its processes counted, Java's too: CPU seconds, bytes through read and write calls, memory.

A process is the build's where it has a mark in its environment, however it came to be. Ten looks a second: what a
process did in its last tenth of a second is missed.

Where others use a machine's cores, caches and memory too, a CPU second does less: by half, on ours. So a fixed piece of
work is done three times a second meanwhile, and its CPU time against the least it ever took tells the pace. A build's
own processes slow that work too, the more the longer all cores are at work: so where nobody else had a core (`quiet`),
CPU seconds are better taken as they were counted (`at_pace` off).
"""

from __future__ import annotations

import bz2
import contextlib
import functools
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "BERTDATA_WATCHED"
STEPS = ("extract", "vocab", "tokens", "examples", "manifest")
_SECONDS_BETWEEN_LOOKS = 0.1
_LOOKS_TO_KNOW, _LOOKS_A_PACE = 20, 3
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Whose a process is, by a word of its command line.
_ROLES = {
    "JobServerDriver": "job server",
    "CoarseGrainedExecutorBackend": "executors",
    "spark.deploy": "master and workers",
    "TaskManager": "executors",
    "entrypoint": "master and workers",
}


_WORK = bz2.compress(b"".join(b"[[line %d|of]] {{some|%d}} text \n" % (n, n * n) for n in range(6000)))
_WORDS = re.compile(rb"[a-z]+|\d+")


def pace_work() -> float:
    """Do the fixed piece of work, of the kinds that a build does, and return the CPU seconds that it took."""
    began = time.thread_time()
    counts: Counter[bytes] = Counter(_WORDS.findall(bz2.decompress(_WORK)))
    sorted(counts.items())
    return time.thread_time() - began


@functools.cache
def least_pace() -> float:
    """Return the least of some three seconds' tries: on a busy machine too, one of them falls into a quiet moment."""
    return min(pace_work() for _ in range(200))


@dataclass
class Use:
    """CPU seconds, bytes read and written by calls (what is mapped isn't), and the largest resident bytes of one."""

    cpu: float = 0.0
    read: float = 0.0
    written: float = 0.0
    rss: int = 0

    def add(self, other: Use) -> None:
        """Take another use into account."""
        self.cpu += other.cpu
        self.read += other.read
        self.written += other.written
        self.rss = max(self.rss, other.rss)


@dataclass(frozen=True)
class Seen:
    """What a process had used when it was looked at, and its parent's id."""

    parent: int
    use: Use


# When a process began (in ticks), and its id: what no other process shares, children after their parents.
Process = tuple[int, int]


@dataclass
class Watch:
    """Use by step and role of all processes with `mark`.

    `shares` are CPU seconds by step, role and process; `ends` are the clock's seconds at which steps ended.
    """

    mark: str
    driver: int = 0
    step: str = "start"
    uses: dict[tuple[str, str], Use] = field(default_factory=lambda: defaultdict(Use))
    shares: Counter[tuple[str, str, Process]] = field(default_factory=Counter)
    ends: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    at_pace: bool = True
    paces: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _last: dict[Process, Seen] = field(default_factory=dict)
    _owed: dict[int, tuple[float, float]] = field(default_factory=dict)
    _roles: dict[Process, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looks: Counter[Process] = field(default_factory=Counter)

    def of(self, step: str | None = None, role: str | None = None) -> Use:
        """Return the use of a step (or all), by a role (or all)."""
        total = Use()
        for (its_step, its_role), use in list(self.uses.items()):
            if step in (None, its_step) and role in (None, its_role):
                total.add(use)
        return total

    def look(self) -> None:
        """Read every process of ours once."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        seen: dict[Process, Seen] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                process = (int(fields[19]), int(folder.name))
                # A process that is new may have its parent's environment and command line still.
                if self._looks[process] < _LOOKS_TO_KNOW:
                    self._looks[process] += 1
                    self._roles[process] = self._role_of(folder)
                if self._roles.get(process, ""):
                    io = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
                    cpu = (int(fields[11]) + int(fields[12])) / _TICK
                    rss = int(fields[21]) * _PAGE
                    seen[process] = Seen(int(fields[1]), Use(cpu, float(io["rchar"]), float(io["wchar"]), rss))
        # Asked after all were read: who was reaped before its parent was read is gone by now.
        gone = {process for process in {*self._last, *seen} if not Path(f"/proc/{process[1]}").exists()}
        self.note(seen, gone)

    def _role_of(self, folder: Path) -> str:
        if f"{MARK}={self.mark}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
            return ""
        if int(folder.name) == self.driver:
            return "driver"
        command = (folder / "cmdline").read_bytes().decode(errors="replace")
        return next((role for word, role in _ROLES.items() if word in command), "Python workers")

    def note(self, seen: dict[Process, Seen], gone: set[Process]) -> None:
        """Add what processes did since they were last seen; those in `gone` have been reaped since.

        The kernel adds what a child read and wrote to its parent's as the parent reaps it, which isn't to count twice.
        So children come first (they began later), and what a gone one had is taken off its parent's next rise.
        """
        for process in sorted({*self._last, *seen}, reverse=True):
            if process in seen:
                self._take(process, seen[process].use)
                self._last[process] = seen[process]
            if process in gone:
                last, owed = self._last.pop(process), self._owed.pop(process[1], (0.0, 0.0))
                others = self._owed.get(last.parent, (0.0, 0.0))
                self._owed[last.parent] = (last.use.read + owed[0] + others[0], last.use.written + owed[1] + others[1])

    def _take(self, process: Process, now: Use) -> None:
        before = self._last[process].use if process in self._last else Use()
        rises = (max(0.0, now.read - before.read), max(0.0, now.written - before.written))
        owed = self._owed.pop(process[1], (0.0, 0.0))
        left = (max(0.0, owed[0] - rises[0]), max(0.0, owed[1] - rises[1]))
        if any(left):
            self._owed[process[1]] = left
        cpu, role = max(0.0, now.cpu - before.cpu), self._roles.get(process, "")
        self.uses[self.step, role].add(Use(cpu, max(0.0, rises[0] - owed[0]), max(0.0, rises[1] - owed[1]), now.rss))
        self.shares[self.step, role, process] += cpu

    def busiest(self, step: str) -> float:
        """Return the CPU seconds of a step's busiest worker and the driver's own, told as `cost` tells them."""
        workers = [cpu for (at, role, _), cpu in self.shares.items() if at == step and role == "Python workers"]
        return max(workers, default=0.0) / self._divisor(step) + self.cost(step, "driver")

    def pace(self, step: str | None = None) -> float:
        """Return how much more CPU time the fixed work took on the mean, in a step or in all, than it does alone."""
        seen = self.paces.get(step or "") or [each for some in self.paces.values() for each in some]
        return sum(seen) / len(seen) / least_pace() if seen else 1.0

    def cost(self, step: str | None = None, role: str | None = None) -> float:
        """Return the CPU seconds of a step (or all), by a role (or all), as counted or at a resting machine's pace."""
        steps = [step] if step else sorted({step for step, _ in self.uses})
        return sum(self.of(each, role).cpu / self._divisor(each) for each in steps)

    def _divisor(self, step: str) -> float:
        return self.pace(step) if self.at_pace else 1.0

    def quiet(self) -> bool:
        """Say whether others took less than a twentieth of the CPU seconds that the build did."""
        return self.others < 0.05 * self.of().cpu

    def end_step(self) -> None:
        """Go on to the next step."""
        self.look()
        self.ends[self.step] = time.time()
        self.step = STEPS[STEPS.index(self.step) + 1]

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look while the block lasts; `others` are the CPU seconds of this machine that went to somebody else."""
        done = threading.Event()

        def run() -> None:
            for look in count():
                if done.wait(_SECONDS_BETWEEN_LOOKS):
                    return
                self.look()
                if look % _LOOKS_A_PACE == 0:
                    self.paces[self.step].append(pace_work())

        thread = threading.Thread(target=run, daemon=True)
        before = busy_seconds() - time.process_time()
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.others = busy_seconds() - time.process_time() - before - self.of().cpu


def tell_as_counted_where_quiet(watches: Iterable[Watch]) -> str:
    """Have all tell CPU seconds as counted where nobody else had a core beside any of them, else at pace; say which."""
    watches = list(watches)
    at_pace = not all(watch.quiet() for watch in watches)
    for watch in watches:
        watch.at_pace = at_pace
    return (
        "at the pace of this machine alone: others were at work" if at_pace else "as counted: nobody else was at work"
    )


def busy_seconds() -> float:
    """Return the CPU seconds that this machine's cores have worked, for whomever."""
    user, nice, system, _idle, _wait, irq, soft = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system + irq + soft) / _TICK


def watch_build(watch: Watch, arguments: Sequence[str]) -> float:
    """Run `bertdata build-corpus` with the arguments under the watch and return its wall seconds; exits if it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "build-corpus", *arguments],
        cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    watch.driver, watch.step = process.pid, "extract"
    lines = []
    assert process.stderr is not None
    with process, process.stderr:
        for line in process.stderr:
            lines.append(line)
            if " in " in line and line.rstrip().endswith((" s", " min")):
                watch.end_step()
    if process.returncode:
        sys.exit("".join(lines))
    watch.ends["manifest"] = time.time()
    return time.monotonic() - began
