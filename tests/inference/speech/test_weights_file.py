# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights file rebuilds the model, and says in a sentence why it cannot."""
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import safetensors.torch
import torch

from facewright.core.errors import UserError
from facewright.inference import weights_file as files
from facewright.inference.speech import features, weights_file
from facewright.inference.speech.model import SpeechModel, SpeechModelConfig

torch.set_num_threads(1)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[SpeechModel, Path, str]:
    torch.manual_seed(0)
    model = SpeechModel(SpeechModelConfig(width=16, dilations=(1, 2))).eval()
    path = tmp_path / "speech.safetensors"
    return model, path, weights_file.save(model, path, {"seed": "0"})


def test_round_trip_gives_the_same_faces(saved: tuple[SpeechModel, Path, str]) -> None:
    model, path, sha256 = saved
    again = weights_file.load(path, sha256)
    assert again.config == model.config and not again.training
    heard = torch.randn(1, 40, features.FEATURES)
    with torch.inference_mode():
        assert torch.allclose(again(heard).face, model(heard).face, atol=2e-3)
    assert weights_file.metadata(path)["seed"] == "0"


def test_saving_twice_gives_the_same_bytes(saved: tuple[SpeechModel, Path, str], tmp_path: Path) -> None:
    model, _, sha256 = saved
    assert weights_file.save(model, tmp_path / "again.safetensors", {"seed": "0"}) == sha256


def _refused(path: Path, *expected: str, sha256: str | None = None) -> None:
    with pytest.raises(UserError) as caught:
        weights_file.load(path, sha256)
    for words in expected:
        assert words in caught.value.message
    assert caught.value.hint


def test_wrong_sha256(saved: tuple[SpeechModel, Path, str]) -> None:
    _refused(saved[1], "damaged or altered", sha256="0" * 64)


def test_manifest_beside_the_file_pins_it(saved: tuple[SpeechModel, Path, str]) -> None:
    _, path, sha256 = saved
    weights_file.pin(path, {"licence": "GPL-3.0-or-later"})
    entry = weights_file.manifest_entry(path)
    assert entry == {"sha256": sha256, "bytes": path.stat().st_size, "licence": "GPL-3.0-or-later"}
    weights_file.load(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    _refused(path, "damaged or altered")


def test_missing_and_unreadable(tmp_path: Path) -> None:
    _refused(tmp_path / "none.safetensors", "missing")
    _refused(tmp_path, "cannot be read")
    for name, data in {"empty": b"", "text": b"this is not a model", "cut": b"\x40\x00\x00\x00\x00\x00\x00\x00{"}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        _refused(path, "not a safetensors file")


def test_other_kind_version_and_shape(saved: tuple[SpeechModel, Path, str], tmp_path: Path) -> None:
    model, _, _ = saved
    path = tmp_path / "other.safetensors"
    good = {"kind": "speech", "version": weights_file.VERSION, "config": json.dumps(asdict(model.config))}
    tensors = model.state_dict()
    for change, words in (
        ({"version": "99"}, "version '99'"),
        ({"kind": "video"}, "kind 'video'"),
        ({"config": json.dumps({"width": 32})}, "do not fit"),
        ({"config": json.dumps({"unheard": 1})}, "do not fit"),
        ({"config": "not json"}, "do not fit"),
    ):
        safetensors.torch.save_file(tensors, path, metadata={**good, **change})
        _refused(path, words)
    safetensors.torch.save_file(tensors, path)
    _refused(path, "kind 'None'")


def test_a_shipped_file_must_be_in_the_list(saved: tuple[SpeechModel, Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, path, sha256 = saved
    assert weights_file.load(path)  # the user's own: no list, no pin
    monkeypatch.setattr(files, "WEIGHTS", path.parent)
    with pytest.raises(UserError, match="does not name speech"):
        weights_file.load(path)
    weights_file.pin(path, {})
    assert weights_file.pinned_sha256(path) == sha256


def test_unreadable_manifest_is_a_sentence(saved: tuple[SpeechModel, Path, str]) -> None:
    saved[1].with_name("manifest.json").write_text("{")
    _refused(saved[1], "list of weights cannot be read")


@pytest.mark.skipif(not weights_file.SHIPPED.exists(), reason="no weights in this checkout")
def test_the_shipped_weights_are_pinned_and_load() -> None:
    assert weights_file.manifest_entry(weights_file.SHIPPED)["sha256"]
    model = weights_file.load()
    with torch.inference_mode():
        out = model(features.log_mel(torch.zeros(16000))[None])
    jaw = out.face[0, :, model.config.face_names.index("jawOpen")]
    assert jaw.max() < 0.05  # silence keeps the mouth closed
