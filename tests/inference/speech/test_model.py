# SPDX-License-Identifier: GPL-3.0-or-later
"""The network's contract: shapes, ranges, and windows without seams."""
import pytest
import torch

from facewright.core.errors import UserError
from facewright.inference.speech import features
from facewright.inference.speech.model import ARTICULATION, FACE, PHONES, SpeechModel, SpeechModelConfig
from facewright.rigs.arkit import ARKIT_52

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    torch.manual_seed(0)
    return SpeechModel(SpeechModelConfig(width=16)).eval()


def test_outputs_have_the_promised_shapes_and_ranges(model: SpeechModel) -> None:
    with torch.inference_mode():
        out = model(torch.randn(2, 70, features.FEATURES))
    assert out.phones.shape == (2, 70, 40) == (2, 70, len(PHONES))
    assert out.articulation.shape == (2, 70, len(ARTICULATION))
    assert out.face.shape == (2, 70, len(FACE))
    assert out.face.min() >= 0 and out.face.max() <= 1


def test_face_channels_are_canonical_and_sides_agree(model: SpeechModel) -> None:
    assert set(FACE) <= set(ARKIT_52)
    with torch.inference_mode():
        face = model(torch.randn(1, 30, features.FEATURES)).face
    for i, name in enumerate(FACE):
        if name.endswith("Left"):
            assert torch.equal(face[..., i], face[..., FACE.index(name.removesuffix("Left") + "Right")])


def test_windows_with_context_equal_the_whole_file(model: SpeechModel) -> None:
    sound = 0.1 * torch.randn(400 * 320, generator=torch.Generator().manual_seed(1))
    context = model.context_frames
    with torch.inference_mode():
        whole = model(features.log_mel(sound)[None]).face[0]
        for first, last in ((150, 220), (0, 90), (320, 400)):
            low, high = max(0, first - context), min(400, last + context)
            piece = model(features.log_mel(sound[low * 320 : high * 320])[None]).face[0]
            assert torch.allclose(piece[first - low : last - low], whole[first:last], atol=1e-5)


def test_context_frames_is_the_receptive_field(model: SpeechModel) -> None:
    torch.manual_seed(0)
    heard = torch.randn(1, 161, features.FEATURES, requires_grad=True)
    model(heard).face[0, 80].sum().backward()
    reached = heard.grad[0].abs().sum(1).nonzero()[:, 0]
    assert 80 - int(reached.min()) == int(reached.max()) - 80 == model.context_frames - features.CONTEXT_FRAMES


def test_the_default_size_is_between_three_and_four_million() -> None:
    assert 3e6 < sum(p.numel() for p in SpeechModel().parameters()) < 4e6


def test_a_style_moves_the_face_and_nothing_else() -> None:
    torch.manual_seed(0)
    model = SpeechModel(SpeechModelConfig(width=16, style_names=("calm", "lively"))).eval()
    heard = torch.randn(2, 40, features.FEATURES)
    with torch.inference_mode():
        plain = model(heard)
        assert torch.equal(model(heard, model.style_vector({"calm": 1.0})).face, plain.face)  # untrained styles are the average
        torch.nn.init.normal_(model.style)
        lively = model(heard, model.style_vector({"lively": 1.0}))
        assert torch.equal(model(heard).face, plain.face) and torch.equal(model(heard, model.style_vector({})).face, plain.face)
        assert not torch.allclose(lively.face, plain.face)
        assert torch.equal(lively.phones, plain.phones) and torch.equal(lively.articulation, plain.articulation)
        each = model(heard, torch.tensor([[0.0, 1.0], [0.0, 0.0]])).face
        assert torch.allclose(each[0], lively.face[0], atol=1e-6) and torch.allclose(each[1], plain.face[1], atol=1e-6)
    with pytest.raises(UserError, match="no style 'angry'") as told:
        model.style_vector({"angry": 1.0})
    assert "calm, lively" in told.value.hint
