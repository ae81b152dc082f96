# SPDX-License-Identifier: GPL-3.0-or-later
"""The mixture of expressions: possible faces only, mirrored names, the kinds that were asked for."""

import numpy as np
import pytest

from facewright.rigs.arkit import ARKIT_52
from facewright.training.faces import expressions
from facewright.training.faces.expressions import AT, KINDS, Expressions


@pytest.fixture(scope="module")
def source() -> Expressions:
    rng = np.random.default_rng(0)
    return Expressions(rng.random((200, 52)).astype(np.float32) ** 4, ((0, 120), (120, 200)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_possible_faces(source: Expressions, kind: str) -> None:
    values, kinds = source.draw(np.random.default_rng(1), 300, {kind: 1.0})
    assert {KINDS[k] for k in kinds} == {kind}
    assert values.shape == (300, 52)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() <= 1
    assert (values[:, AT["mouthClose"]] <= values[:, AT["jawOpen"]] + 1e-6).all()
    assert (np.minimum(values[:, AT["jawLeft"]], values[:, AT["jawRight"]]) == 0).all()
    assert (np.minimum(values[:, AT["eyeLookUpLeft"]], values[:, AT["eyeLookDownLeft"]]) == 0).all()
    out = values[:, AT["tongueOut"]] > 0.3
    assert (values[out, AT["jawOpen"]] > 0.2).all()


def test_draws_follow_from_the_generator(source: Expressions) -> None:
    a, b = (source.draw(np.random.default_rng(7), 50)[0] for _ in range(2))
    assert (a == b).all()


def test_one_at_a_time_moves_one_channel_and_what_it_needs() -> None:
    values = expressions.one_at_a_time((1.0,))
    assert values.shape == (52, 52)
    for i, name in enumerate(ARKIT_52):
        others = {ARKIT_52[j] for j in np.flatnonzero(values[i]) if j != i}
        assert values[i, i] == 1
        assert others <= ({"jawOpen"} if name in ("mouthClose", "tongueOut") else set())


def test_a_clip_is_a_stretch_of_speech(source: Expressions) -> None:
    clip = source.clip(np.random.default_rng(3), 40)
    assert clip.shape == (40, 52)
    assert np.isfinite(clip).all()
