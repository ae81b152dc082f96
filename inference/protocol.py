# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client and the worker say to each other: one JSON object a line, UTF-8, checked on both sides.

    worker: hello                                 once, as soon as it runs
    client: job                                   one at a time
    worker: beat ... progress ... result | failed beats come from a thread of their own, so silence means a hang
    client: cancel                                the worker answers with failed, kind "cancelled", or with the result if it was quicker
    client: bye                                   or simply closes the pipe: the worker ends

Arrays never travel here: they are files whose paths are in ``params`` and ``values``.
"""
from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Final

PROTOCOL: Final = 1  # raised whenever a message changes its meaning
LINE_LIMIT: Final = 16 * 1024 * 1024  # bytes: the phones of an hour of speech take about 2 MiB, so anything larger is a mistake


class ProtocolError(ValueError):
    """A line that is no message, or a message that makes no line. The text says why."""


class TooLarge(ProtocolError):
    """A message over LINE_LIMIT."""


@dataclass(frozen=True)
class Hello:
    """The worker is there. Versions are read from the packages' metadata, so that saying hello does not wait for torch to load."""

    type: ClassVar[str] = "hello"
    protocol: int
    package: str  # Facewright's version, "" in a checkout without a manifest
    python: str
    torch: str | None  # None: not installed
    devices: list[str] = field(default_factory=list)  # what can be told without loading torch; the verb "devices" knows them all
    pid: int = 0


@dataclass(frozen=True)
class Job:
    type: ClassVar[str] = "job"
    id: int
    verb: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cancel:
    type: ClassVar[str] = "cancel"
    id: int


@dataclass(frozen=True)
class Bye:
    type: ClassVar[str] = "bye"


@dataclass(frozen=True)
class Beat:
    """The job's process still runs Python code."""

    type: ClassVar[str] = "beat"
    id: int


@dataclass(frozen=True)
class Progress:
    type: ClassVar[str] = "progress"
    id: int
    fraction: float  # 0..1
    stage: str = ""  # a few words for the user


@dataclass(frozen=True)
class Result:
    type: ClassVar[str] = "result"
    id: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    type: ClassVar[str] = "failed"
    id: int
    kind: str  # "user": the message tells what to do; "bug": unexpected, with a traceback; "cancelled"
    message: str = ""
    hint: str = ""
    traceback: str = ""


KINDS: Final = ("user", "bug", "cancelled")
Message = Hello | Job | Cancel | Bye | Beat | Progress | Result | Failed
_TYPES: Final = {cls.type: cls for cls in (Hello, Job, Cancel, Bye, Beat, Progress, Result, Failed)}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_CHECKS: Final = {  # by annotation, which `from __future__ import annotations` keeps as text
    "int": _is_int,
    "float": lambda v: (_is_int(v) and abs(v) < 2**53) or (isinstance(v, float) and math.isfinite(v)),
    "str": lambda v: isinstance(v, str),
    "str | None": lambda v: v is None or isinstance(v, str),
    "list[str]": lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
    "dict[str, Any]": lambda v: isinstance(v, dict) and all(isinstance(key, str) for key in v),
}


def _check(message: Message) -> None:
    for item in fields(message):
        if not _CHECKS[item.type](getattr(message, item.name)):
            raise ProtocolError(f"'{item.name}' of a '{message.type}' message is not {item.type}: {getattr(message, item.name)!r:.80}")
    if isinstance(message, Progress) and not 0 <= message.fraction <= 1:
        raise ProtocolError(f"progress must lie in 0..1, not {message.fraction}")
    if isinstance(message, Failed) and message.kind not in KINDS:
        raise ProtocolError(f"a failure is {', '.join(KINDS)}, not {message.kind!r:.80}")


def _plain(value: Any) -> str:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def encode(message: Message) -> bytes:
    """One line, newline included. Raises ProtocolError for values that are not JSON (NaN and infinity too), TooLarge for oversize lines."""
    _check(message)
    try:
        # ASCII escapes keep file names that are not valid UTF-8 (lone surrogates) intact, and no text can hold a newline.
        text = json.dumps({"type": message.type, **asdict(message)}, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"a '{message.type}' message cannot be written as JSON: {error}") from error
    line = text.encode("ascii") + b"\n"
    if len(line) > LINE_LIMIT:
        raise TooLarge(f"a '{message.type}' message of {len(line)} bytes is over the limit of {LINE_LIMIT}; pass large data as a file")
    return line


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def decode(line: bytes) -> Message:
    """The message in one line. Raises ProtocolError, and nothing else, whatever the bytes. Fields that are not known are ignored."""
    if len(line) > LINE_LIMIT:
        raise ProtocolError(f"a line of more than {LINE_LIMIT} bytes")
    try:
        content = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON ({error})") from error
    if not isinstance(content, dict):
        raise ProtocolError("not a JSON object")
    kind = content.get("type")
    cls = _TYPES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ProtocolError(f"no message is called {kind!r:.80}")
    try:
        message = cls(**{item.name: content[item.name] for item in fields(cls) if item.name in content})
    except TypeError as error:
        raise ProtocolError(f"a '{kind}' message lacks a field ({error})") from error
    _check(message)
    return message
