# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes arrive, decode gives a message or a ProtocolError; whatever is encoded comes back."""
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.inference import protocol
from facewright.inference.protocol import Beat, Bye, Cancel, Failed, Hello, Job, Progress, ProtocolError, Result, decode, encode

text = st.text(st.characters())  # lone surrogates too: file names that are not UTF-8
number = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | number | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
params = st.dictionaries(text, values, max_size=4)
messages = st.one_of(
    st.builds(Hello, number, text, text, st.none() | text, st.lists(text, max_size=3), number),
    st.builds(Job, number, text, params),
    st.builds(Cancel, number),
    st.builds(Bye),
    st.builds(Beat, number),
    st.builds(Progress, number, st.floats(0, 1), text),
    st.builds(Result, number, params),
    st.builds(Failed, number, st.sampled_from(protocol.KINDS), text, text, text),
)


@given(messages)
def test_what_is_encoded_comes_back(message) -> None:
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode(line) == message


@given(st.binary(max_size=200) | values.map(lambda v: json.dumps(v).encode()))
def test_wild_bytes_are_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


@given(st.sampled_from(["hello", "job", "cancel", "bye", "beat", "progress", "result", "failed"]), params)
def test_wild_fields_are_a_message_or_a_protocol_error(kind: str, content: dict) -> None:
    try:
        message = decode(json.dumps({**content, "type": kind}).encode())
    except ProtocolError:
        return
    assert message.type == kind


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"type": "progress", "id": 1, "fraction": ' + b"9" * 5000 + b"}",
        b'{"type": "progress", "id": 1, "fraction": 1e999}',
        b'{"type": "progress", "id": 1, "fraction": NaN}',
        b'{"type": "progress", "id": 1, "fraction": 1.5}',
        b'{"type": "progress", "id": true, "fraction": 0.5}',
        b'{"type": "failed", "id": 1, "kind": "other"}',
        b'{"type": "job", "id": 1}',
        b'{"type": ["job"]}',
        b'{"type": "result", "id": 1, "values": [1]}',
        b"\xff\xfe",
        b"",
        b" " * (protocol.LINE_LIMIT + 1),
    ],
    ids=lambda line: line[:50].decode("latin-1"),
)
def test_bad_lines(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


def test_unknown_fields_are_ignored_for_newer_workers() -> None:
    assert decode(b'{"type": "beat", "id": 3, "temperature": 60}') == Beat(3)


def test_paths_travel_as_text() -> None:
    assert decode(encode(Job(1, "speech", {"audio": Path("a") / "b.wav"}))).params == {"audio": str(Path("a") / "b.wav")}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_is_not_json_cannot_be_sent(value: object) -> None:
    with pytest.raises(ProtocolError):
        encode(Result(1, {"value": value}))


def test_oversize_messages_cannot_be_sent() -> None:
    with pytest.raises(ProtocolError, match="limit"):
        encode(Result(1, {"value": "x" * protocol.LINE_LIMIT}))
