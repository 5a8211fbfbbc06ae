"""Exceptions that cross Beam as themselves.

Beam hands back the text of a worker's traceback, or a copy of the exception with an altered first argument. So the
exception travels pickled inside the message of a `CarriedError`, and is taken out again in the parent.
"""

from __future__ import annotations

import base64
import pickle
import re
import signal
import traceback
from collections.abc import Callable
from typing import TypeVar

from bertdata.errors import BertdataError

T = TypeVar("T")
R = TypeVar("R")

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_CARRIED = re.compile(r"CARRIED:([A-Za-z0-9+/=]+):")
# Before any task is called: files of bertdata, or of what it needs, that were exchanged under a running build.
_NOT_LOADED = re.compile(r"(?:ImportError|ModuleNotFoundError|AttributeError|SyntaxError|IndentationError)\b")
_STEP = re.compile(r"\[while running '([^']*)'\]")


class CarriedError(RuntimeError):
    """An exception in the form that survives Beam: its pickle in base64, for `restore_error`."""


class WorkerError(BertdataError):
    """A worker process that ended before its work did."""


def call_carried(task: T, function: Callable[[T], R]) -> R:
    """Return `function(task)`; raise what it raises as a CarriedError.

    Its message is ASCII and its cause is cut off: a file name that isn't UTF-8 in Beam's copy of the traceback would
    make a message that can't be sent, and the run would wait for it for ever.
    """
    try:
        return function(task)
    except Exception as error:
        raise CarriedError(f"{carry_error(error)} {error!a}") from None


def carry_error(error: Exception) -> str:
    """Return the text that `restore_error` finds the exception in, with its traceback as a note.

    >>> restore_error(RuntimeError("Beam says: " + carry_error(FileNotFoundError(2, "No such file")) + " ..."))
    FileNotFoundError(2, 'No such file')
    """
    text = "".join(traceback.format_exception(error)) if error.__traceback__ else ""
    return f"CARRIED:{base64.b64encode(_pickled(error, text)).decode()}:"


def _pickled(error: Exception, text: str) -> bytes:
    try:
        blob = pickle.dumps((error, text))
        pickle.loads(blob)  # A class whose constructor takes other arguments pickles, but never comes back.
        return blob
    except Exception:
        return pickle.dumps((RuntimeError(f"{type(error).__name__}: {error}"), text))


def restore_error(error: BaseException) -> BaseException:
    """Return what `error`, raised by Beam, was in the task: as it was carried, or the Ctrl-C that Beam wrapped.

    The worker's traceback and the label of its step stand in the exception's notes, which `traceback` prints. What
    wasn't carried comes back with its last line as message, and the rest, which may be long, as a note.
    """
    message = str(error)
    if match := _CARRIED.search(message):
        original, text = pickle.loads(base64.b64decode(match[1]))
        return _noted(original, message, text)
    cause = error.__context__
    while cause is not None:
        if not isinstance(cause, Exception):
            return cause
        cause = cause.__context__
    *_, last = message.rstrip().split("\n")
    if _NOT_LOADED.match(last):
        lost = WorkerError(f"A worker can't load what it is to do ({last}). Run the same command again.")
        return _noted(lost, message, message)
    return _noted(RuntimeError(last), message, message) if last != message else error


def _noted(error: Exception, message: str, text: str) -> Exception:
    if text:
        step = _STEP.search(message)
        error.add_note(f"raised while running {step[1] if step else 'a step'}:\n{text.rstrip()}")
    return error


def describe_exit(returncode: int) -> str:
    """Say how a process ended, from its return code (negative: the signal that killed it).

    >>> describe_exit(-9)
    'was killed (SIGKILL), as happens when memory runs out'
    >>> describe_exit(-11)
    'crashed (SIGSEGV)'
    >>> describe_exit(3)
    'ended with exit code 3'
    """
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    name = signal.Signals(-returncode).name
    if -returncode == signal.SIGKILL:
        return f"was killed ({name}), as happens when memory runs out"
    return f"{'was stopped' if -returncode in _STOPPING else 'crashed'} ({name})"
