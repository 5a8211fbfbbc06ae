"""Which task a worker takes next: of its own hand first, then of what is left in the others'.

A runner deals once, before anybody knows which worker will be held up. Here each worker marks a task as taken, in a
file that all of one machine share, when it begins it; whoever is done early takes from the ends of the others' hands.
"""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

_TASKS, _TAKEN = "tasks", "taken"


def deal_hands(tasks: Sequence[Any], folder: str) -> None:
    """Write tasks where the workers of a run find them; hand `w` of `n` is every `n`th task from number `w` on."""
    (Path(folder) / _TASKS).write_bytes(pickle.dumps(list(tasks)))
    (Path(folder) / _TAKEN).write_bytes(bytes(len(tasks)))


def take_tasks(worker: int, num_workers: int, folder: str) -> Iterator[Any]:
    """Yield the tasks that fall to worker number `worker`; each of the folder's tasks is yielded to one worker only."""
    tasks = pickle.loads((Path(folder) / _TASKS).read_bytes())
    taken = bytes(len(tasks))
    # From the back, where the smallest are: those at the front have their owner's next one among them.
    others = ((worker + n) % num_workers for n in range(1, num_workers))
    rest = chain.from_iterable(reversed(range(other, len(tasks), num_workers)) for other in others)
    for number in chain(range(worker, len(tasks), num_workers), rest):
        if not taken[number]:
            is_ours, taken = _take(number, Path(folder) / _TAKEN)
            if is_ours:
                yield tasks[number]


def _take(number: int, path: Path) -> tuple[bool, bytes]:
    """Mark a task as taken, if it isn't; return whether it wasn't, and which are."""
    with path.open("r+b", buffering=0) as file:
        fcntl.lockf(file, fcntl.LOCK_EX)  # Closing the file gives it back.
        taken = file.read()
        if not taken[number]:
            file.seek(number)
            file.write(b"\1")
        return not taken[number], taken
