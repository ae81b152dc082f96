# SPDX-License-Identifier: GPL-3.0-or-later
"""The shelf: list, use, roll back, import, export, without torch."""
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.content import sha256_of
from facewright.core.errors import UserError
from facewright.preference.adapters import Card, Shelf, gate_path, read_card, record_gate


def put(path: Path, name: str, made: str = "2026-01-01T00:00:00+00:00", value: float = 0.0, **more) -> Path:
    card = Card(name, "speech", "e" * 64, ("jawOpen",), made=made, **more)
    path.write_bytes(safetensors.numpy.save({"offset": np.array([value], np.float32)}, metadata=card.to_metadata()))
    return path


def test_use_and_roll_back(tmp_path: Path) -> None:
    shelf = Shelf.of(tmp_path)
    assert shelf.listed() == () and shelf.active() is None and shelf.previous() is None and not shelf.can_roll_back()
    a, b = put(shelf.free_path("Old"), "Old"), put(shelf.free_path("New"), "New", "2026-02-01T00:00:00+00:00", 1.0)
    assert [s.card.name for s in shelf.listed()] == ["New", "Old"]
    shelf.use(a)
    shelf.use(b)
    shelf.use(b)
    assert shelf.active().card.name == "New" and shelf.previous().card.name == "Old"
    assert shelf.roll_back().card.name == "Old"
    assert shelf.roll_back() is None and shelf.active() is None, "before the first one was the model as it ships"
    with pytest.raises(UserError, match="no earlier"):
        shelf.roll_back()
    shelf.use(a)
    shelf.use(None)
    assert shelf.active() is None and shelf.previous().card.name == "Old"
    assert a.exists() and b.exists(), "rolling back deletes nothing"


def test_names_never_overwrite(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "deep" / "shelf")
    first = put(shelf.free_path("Show 1: warm/soft"), "x")
    assert shelf.free_path("Show 1: warm/soft") != first and first.parent == shelf.folder
    assert shelf.free_path("").name == "adapter.safetensors"


def test_import_knows_what_it_has_and_export_copies(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    source = put(tmp_path / "given.safetensors", "Given")
    path = shelf.import_file(source)
    assert shelf.import_file(source) == path and len(shelf.listed()) == 1
    shelf.export_file(path, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == source.read_bytes()
    with pytest.raises(UserError, match="Import it"):
        shelf.use(source)


def test_what_is_put_aside_overwrites_nothing_and_takes_its_verdict_along(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first = put(tmp_path / "warm.safetensors", "First")
    shelf.use(first)
    record_gate(first, {"passed": True})
    aside = shelf.put_aside(first)
    assert shelf.active() is None and shelf.listed() == () and not gate_path(first).exists()
    again = shelf.put_aside(put(tmp_path / "warm.safetensors", "Second"))
    assert aside.parent == again.parent == tmp_path / "removed" and aside != again
    assert read_card(aside).name == "First" and read_card(aside).passed
    assert read_card(again).name == "Second" and not read_card(again).passed


def test_the_gates_later_word_stands_on_the_card_and_leaves_the_bytes(tmp_path: Path) -> None:
    path = put(tmp_path / "a.safetensors", "A", gate={"passed": False})
    before = sha256_of(path)
    assert not read_card(path).passed
    record_gate(path, {"passed": True, "win_rate": 0.8})
    assert read_card(path).passed and sha256_of(path) == before
    put(path, "A", value=2.0)
    assert not read_card(path).passed, "a verdict on other bytes does not count"
    gate_path(path).write_text("{", "utf-8")
    assert read_card(path).gate == {}


def test_a_broken_history_or_file_is_as_if_there_were_none(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    path = put(tmp_path / "a.safetensors", "A")
    shelf.use(path)
    for text in ("", "{", "[]", '{"used": 3}', '{"used": ["../../etc/passwd", 4]}'):
        (tmp_path / "history.json").write_text(text, "utf-8")
        assert shelf.active() is None
    shelf.use(path)
    path.unlink()
    assert shelf.active() is None
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    assert shelf.listed() == ()


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=5)))
def test_any_file_is_a_card_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes | dict) -> None:
    path = tmp_path_factory.mktemp("any") / "x.safetensors"
    if isinstance(data, dict):
        header = json.dumps({"__metadata__": {"kind": "facewright-adapter", "version": "1", **data}}).encode()
        data = len(header).to_bytes(8, "little") + header
    path.write_bytes(data)
    with pytest.raises(UserError):
        read_card(path)
