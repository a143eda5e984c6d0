"""Every error that Dragoman tells somebody, as one tree.

Each class has a stable `code` for programs, a message for a person that says what was wrong and what would be
right, and `retryable`: whether the same request can succeed later without being changed.

    DragomanError
    |-- ClientError             the other side sent something that it must change
    |   |-- ProtocolViolation   malformed or unexpected message
    |   |   `-- NewerSchema     a message of a later version of Dragoman
    |   |-- LanguageUnsupported nobody in the fleet serves this language
    |   `-- AudioUnreadable     a file that is not audio, or has none
    |-- Unavailable             nothing wrong with the request: try again
    |   |-- NatsUnavailable
    |   |-- QueueFull           a stream is at its limit and takes no more
    |   |-- NoNode              no node-runtime is ready
    |   `-- NoScheduler         nobody answers for the session
    |-- Stale                   another owner has written: stop
    |-- EngineError             a model failed on this input
    |-- ModelMissing            a model is not there or is broken
    `-- SettingsError           a flag, variable or file has an unknown key or a bad value
"""

from __future__ import annotations

from collections.abc import Iterator


class DragomanError(Exception):
    """Base of all. `str(error)` is for a person, `error.code` for a program."""

    code = "internal"
    retryable = False

    def __init__(self, message: str, *, code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable


class ClientError(DragomanError):
    code = "bad_request"


class ProtocolViolation(ClientError):
    code = "protocol_violation"


class NewerSchema(ProtocolViolation):
    """`type` is the message's, `n` its number, if it is a client's event. See wire/schema.py."""

    code = "newer_schema"

    def __init__(self, message: str, *, code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message, code=code, retryable=retryable)
        self.type = ""
        self.n = 0


class LanguageUnsupported(ClientError):
    code = "language_unsupported"


class AudioUnreadable(ClientError):
    code = "audio_unreadable"


class Unavailable(DragomanError):
    code = "unavailable"
    retryable = True


class NatsUnavailable(Unavailable):
    code = "nats_unavailable"


class QueueFull(Unavailable):
    """A stream that refuses new messages at its limit is there; `str(error)` names the subject."""

    code = "queue_full"


class NoNode(Unavailable):
    code = "no_node"


class NoScheduler(Unavailable):
    code = "no_scheduler"


class Stale(DragomanError):
    """A write was refused because another owner has written since; `str(error)` names the subject."""

    code = "stale_owner"


class EngineError(DragomanError):
    code = "engine_failed"
    retryable = True


class ModelMissing(DragomanError):
    code = "model_missing"


class SettingsError(DragomanError):
    code = "bad_settings"


def each_of(error: BaseException) -> Iterator[BaseException]:
    """The error itself or, of a group, those inside, in order, however deep the task groups were."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from each_of(inner)
    else:
        yield error


def first_of(error: BaseException) -> BaseException:
    """What ended the tasks of a group: the first of ours, before whatever else came of it."""
    flat = list(each_of(error))
    return next((each for each in flat if isinstance(each, DragomanError)), flat[0])
