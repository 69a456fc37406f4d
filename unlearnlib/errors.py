"""The errors of the library. Each message says what was wrong, why, and what to do."""

from collections.abc import Iterator
from typing import Any


class UnlearnError(Exception):
    """Base of every error that this library raises on purpose."""


class AccessError(UnlearnError, TypeError):
    """A method asked for something that it may not see."""


class RequestError(UnlearnError, ValueError):
    """A request names something to forget that the data set does not have."""


class DataError(UnlearnError, ValueError):
    """A data file is missing, truncated or corrupt, or a data set is unknown."""


class SpecError(UnlearnError, ValueError):
    """A specification has an unknown key or a value of the wrong kind."""


class PackageError(SpecError, ImportError):
    """A specification names what needs a package that is not installed."""


class RecordError(UnlearnError, ValueError):
    """A record cannot be read or does not belong where it lies."""


class DisagreementError(UnlearnError, ArithmeticError):
    """What was made anew is not what is recorded."""


class StorageError(UnlearnError, OSError):
    """A file cannot be written: its disk is full or read-only, or something is in its way."""


class UnsupportedModelError(UnlearnError, ValueError):
    """A method cannot work on this kind of model."""


class NonFiniteError(UnlearnError, ArithmeticError):
    """A number that should be finite is NaN or infinite."""


class StoppedError(UnlearnError, RuntimeError):
    """A grid stopped, since what it makes can no longer be written.

    Attributes:
        table: The tidy table of all that was measured, also of what could not be written.
    """

    table: Any = None


class PausedError(UnlearnError, TimeoutError):
    """Time was up in a training, whose checkpoint is kept, or in a wait for another process."""


class DivergedError(NonFiniteError):
    """The steps of a method led to a model that is not finite, or answers with what is not."""


class SweepError(UnlearnError, RuntimeError):
    """A sweep cannot go on: its folder or its workers fail it."""


class StaleStatisticError(UnlearnError, ValueError):
    """A stored statistic belongs to another model, or is not the one that is wanted."""


def first_line(error: object) -> str:
    r"""Return the first line of what the error of another library says, for a sentence of ours.

    >>> first_line(OSError("No such file.\nTry this, or that.")), first_line(EOFError())
    ('No such file', 'EOFError')
    """
    return str(error).strip().partition("\n")[0].rstrip(" .:\r") or type(error).__name__


def sentences(error: BaseException) -> Iterator[str]:
    """Yield what an error says; of runs that failed alike, the sentence once and their number."""
    places: dict[str, list[str]] = {}
    for one in _leaves(error):
        text = str(one)
        if not isinstance(one, UnlearnError | OSError):  # no mistake of the user's
            words = " ".join(text.split()) or "no message"
            text = f"{type(one).__name__}: {words:.300} (--verbose shows the traceback)"
        for line in text.splitlines():
            places.setdefault(line, []).extend(getattr(one, "__notes__", []))
    for text, notes in places.items():
        if len(notes) > 1:
            yield f"{text} ({len(notes)} runs, the first of them {notes[0]})"
        else:
            yield f"{text} ({notes[0]})" if notes else text


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
