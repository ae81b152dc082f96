# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapters fold into the network, blend exactly, and belong to one base."""
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facewright.core.errors import UserError
from facewright.inference.preference import adapter_file
from facewright.inference.preference.adapter import Adapter, blend
from facewright.inference.speech import weights_file
from facewright.inference.speech.life import USUAL
from facewright.inference.speech.model import SpeechModel
from facewright.preference.adapters import Card, Shelf


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return weights_file.load()


def some(model: SpeechModel, seed: int) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    none = Adapter.none(model, torch.randn(len(model.config.face_units), generator=generator), seed=seed)
    kept = ("centre", "down", "hidden_down")
    return replace(none, **{n: 0.1 * torch.randn(t.shape, generator=generator) for n, t in none.tensors().items() if n not in kept})


def card(model: SpeechModel, **more) -> Card:
    return Card("Warm", "speech", weights_file.sha256(weights_file.SHIPPED), model.config.face_units, **more)


def face(network: SpeechModel) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.randn(1, 80, 160, generator=torch.Generator().manual_seed(0))).face


def test_the_folded_network_is_what_training_sees(model: SpeechModel) -> None:
    adapter = some(model, 1)
    held = []
    hook = model.face_hidden.register_forward_pre_hook(lambda module, given: held.append(given[0]))
    untouched = face(model)
    hook.remove()
    with torch.inference_mode():
        before = model.face_hidden(held[0])
        logits = adapter.head(held[0], before, model.face(torch.relu(before)), model.face)
    trained = torch.sigmoid(logits).transpose(1, 2)[..., model.unit_of_channel]
    torch.testing.assert_close(face(adapter.applied(model)), trained, atol=1e-5, rtol=0)
    assert (trained - untouched).abs().max() > 0.01
    assert torch.equal(face(model), untouched), "the model itself is not touched"


def test_strength(model: SpeechModel) -> None:
    adapter = some(model, 2)
    assert adapter.applied(model, 0.0) is model and adapter.habits(0.0) == USUAL
    torch.testing.assert_close(face(adapter.applied(model, 0.4)), face(adapter.scaled(0.4).applied(model)), atol=1e-5, rtol=0)
    assert Adapter.none(model).habits() == USUAL
    torch.testing.assert_close(face(Adapter.none(model).applied(model)), face(model), atol=1e-5, rtol=0)


def test_blend_lies_between(model: SpeechModel) -> None:
    a, b = some(model, 3), some(model, 4)
    for share, end in ((0.0, a), (1.0, b)):
        torch.testing.assert_close(face(blend(a, b, share).applied(model)), face(end.applied(model)), atol=1e-5, rtol=0)
    half = face(blend(a, b, 0.5).applied(model))
    assert (half - face(a.applied(model))).abs().mean() < (face(b.applied(model)) - face(a.applied(model))).abs().mean()
    torch.testing.assert_close(face(blend(a, a, 0.3).applied(model)), face(a.applied(model)), atol=1e-5, rtol=0)
    with pytest.raises(UserError, match="share"):
        blend(a, b, 1.5)


def test_files_come_back_and_refuse_another_base(model: SpeechModel, tmp_path: Path) -> None:
    adapter, base = some(model, 5), weights_file.sha256(weights_file.SHIPPED)
    path = tmp_path / "warm.safetensors"
    adapter_file.save(adapter, card(model, votes=12, raters=("Mika",)), path)
    for name, tensor in adapter_file.load(path, base).tensors().items():
        assert torch.equal(tensor, adapter.tensors()[name])
    first = path.read_bytes()
    adapter_file.save(adapter, card(model, votes=12, raters=("Mika",)), path)
    assert path.read_bytes() == first
    with pytest.raises(UserError, match="other weights"):
        adapter_file.load(path, "0" * 64)
    assert Shelf(tmp_path).listed()[0].card.raters == ("Mika",)


def test_a_damaged_file_is_a_sentence(model: SpeechModel, tmp_path: Path) -> None:
    base = weights_file.sha256(weights_file.SHIPPED)
    path = tmp_path / "x.safetensors"
    adapter_file.save(some(model, 6), card(model), path)
    data = path.read_bytes()
    for broken in (b"", data[:100], data[:-50], b"\xff" * 64, data[:8] + data[8:].replace(b"facewright-adapter", b"facewright-nothing")):
        path.write_bytes(broken)
        with pytest.raises(UserError):
            adapter_file.load(path, base)
    with pytest.raises(UserError, match="no adapter at"):
        adapter_file.load(tmp_path / "gone.safetensors", base)
    adapter_file.save(replace(some(model, 6), offset=torch.full((len(model.config.face_units),), float("nan"))), card(model), path)
    with pytest.raises(UserError, match="damaged"):
        adapter_file.load(path, base)
