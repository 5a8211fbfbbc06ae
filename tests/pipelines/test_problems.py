"""Exceptions that go through text and come back."""

import pickle

import pytest

from bertdata.errors import DamagedInputError, InputError
from pipelines.problems import CarriedError, call_carried, carry_error, describe_exit, restore_error


def carried(error: Exception) -> Exception:
    """Raise `error` in a task, and restore it from what Beam would make of it."""

    def fail(_: int) -> None:
        raise error

    with pytest.raises(CarriedError) as caught:
        call_carried(1, fail)
    return restore_error(RuntimeError(f"Traceback ...\nRuntimeError: {caught.value} [while running 'Clean/Call']"))


def test_a_result_comes_back_untouched():
    assert call_carried(-3, abs) == 3


def test_fields_of_an_error_survive():
    error = carried(DamagedInputError("enwiki.xml.bz2", 1024, "the bz2 stream is cut off"))
    assert type(error) is DamagedInputError
    assert (error.path, error.offset, error.what) == ("enwiki.xml.bz2", 1024, "the bz2 stream is cut off")


def test_an_os_error_keeps_its_number_and_path():
    error = carried(FileNotFoundError(2, "No such file or directory", "a/b.txt"))
    assert type(error) is FileNotFoundError
    assert (error.errno, error.filename) == (2, "a/b.txt")


def test_notes_hold_the_step_and_the_traceback():
    (note,) = carried(InputError("empty")).__notes__
    assert note.startswith("raised while running Clean/Call:\nTraceback (most recent call last):")
    assert note.endswith("bertdata.errors.InputError: empty")


def test_an_error_that_does_not_pickle_comes_back_as_its_text():
    class Local(Exception):
        pass

    error = carried(Local("inside"))
    assert type(error) is RuntimeError
    assert str(error) == "Local: inside"


def test_an_error_that_pickles_but_never_comes_back_is_told_as_text():
    assert str(carried(KeywordOnlyError(path="x"))) == "KeywordOnlyError: x"


class KeywordOnlyError(Exception):
    def __init__(self, *, path: str) -> None:
        super().__init__(path)


def test_a_file_name_that_is_not_utf8_gives_a_message_that_can_be_sent():
    error = InputError("caf\udce9.xml is empty")
    with pytest.raises(CarriedError) as caught:
        call_carried(error, raise_it)
    str(caught.value).encode("ascii")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert str(restore_error(caught.value)) == "caf\udce9.xml is empty"


def raise_it(error: Exception) -> None:
    raise error


def test_an_error_of_beam_itself_stays_what_it_is():
    error = RuntimeError("bundle_1 failed")
    assert restore_error(error) is error


def test_a_long_text_of_beam_becomes_its_last_line_and_a_note():
    error = restore_error(RuntimeError("Traceback ...\n  File\nValueError: no [while running 'Sum/Merge']\n"))
    assert str(error) == "ValueError: no [while running 'Sum/Merge']"
    assert error.__notes__[0].startswith("raised while running Sum/Merge:\nTraceback ...")


def test_ctrl_c_that_beam_wrapped_comes_back():
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("KeyboardInterrupt [while running 'Clean']")  # noqa: B904
    except RuntimeError as error:
        assert type(restore_error(error)) is KeyboardInterrupt


def test_carried_error_survives_pickle_inside_pickle():
    error = restore_error(RuntimeError(carry_error(InputError("a"))))
    assert str(pickle.loads(pickle.dumps(error))) == "a"


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (0, "ended with exit code 0"),
        (1, "ended with exit code 1"),
        (-9, "was killed (SIGKILL), as happens when memory runs out"),
        (-11, "crashed (SIGSEGV)"),
        (-15, "was stopped (SIGTERM)"),
    ],
)
def test_the_end_of_a_process_is_told_in_words(returncode, text):
    assert describe_exit(returncode) == text
