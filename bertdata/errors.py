"""The named problems that a user can meet; the command line prints each as one line and exits with 1."""

from __future__ import annotations

from typing import Any


class BertdataError(Exception):
    """A named problem: what is wrong, where, and what to do next, in one line.

    Every subclass survives pickle (a worker process raises it, the command line prints it), so its constructor
    takes exactly the positional arguments that it hands to `Exception`.
    """


class InputError(BertdataError):
    """A source that is missing, empty, of the wrong kind or unreadable."""


class DamagedInputError(InputError):
    """A file that is cut off or corrupt at a known byte offset.

    >>> str(DamagedInputError("enwiki.xml.bz2", 1024, "the bz2 stream is cut off"))
    'enwiki.xml.bz2 is damaged at byte 1,024: the bz2 stream is cut off'
    """

    def __init__(self, path: str, offset: int, what: str) -> None:
        super().__init__(path, offset, what)
        self.path, self.offset, self.what = path, offset, what

    def __str__(self) -> str:
        return f"{self.path} is damaged at byte {self.offset:,}: {self.what}"


class UnreadableError(InputError):
    """A source that can't be read now: access is denied, or its disk or store doesn't answer; it may be later."""


class OptionError(BertdataError):
    """An option whose value can't be used; it names the option, the value and what is allowed."""


class FormatError(BertdataError):
    """A file of ours (shard, manifest, checkpoint, vocabulary) that isn't what a reader expects."""


class BuildError(BertdataError):
    """A build that can't go on: another is running, its options changed, or it would give no example."""


def require(condition: Any, message: str, error: type[BertdataError] = OptionError) -> None:
    """Raise `error(message)` unless `condition` holds."""
    if not condition:
        raise error(message)
