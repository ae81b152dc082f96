# SPDX-License-Identifier: GPL-3.0-or-later
"""The articulatory teacher does what phonetics asks."""
import numpy as np

from facewright.inference.speech.model import ARTICULATION, PHONES, SpeechModelConfig
from facewright.training import targets
from facewright.training.pack import Phone, frame_labels

UNITS = SpeechModelConfig().face_units


def spoken(*names: str, seconds: float = 0.12) -> tuple[Phone, ...]:
    return tuple(Phone(i * seconds, (i + 1) * seconds, n) for i, n in enumerate(names))


def track(phones: tuple[Phone, ...], unit: str) -> np.ndarray:
    return targets.channel_targets(phones, round(phones[-1].end / 0.02), UNITS)[:, UNITS.index(unit)]


def test_lips_press_on_a_bilabial_and_the_jaw_opens_around_it() -> None:
    phones = spoken("AA", "B", "AA")
    assert track(phones, "jawOpen")[8:10].max() < 0.12 < track(phones, "jawOpen")[2]
    assert track(phones, "mouthPress")[8] > 0.15 > track(phones, "mouthPress")[2]


def test_rounding_is_seen_before_it_is_heard() -> None:
    pucker = track(spoken("S", "S", "UW"), "mouthPucker")
    assert pucker[14] > 0.4 > pucker[10] > pucker[6] > pucker[1]


def test_lip_under_teeth_and_tongue() -> None:
    assert track(spoken("AA", "F", "AA"), "mouthRollLower")[8] > 0.3
    assert track(spoken("AA", "TH", "AA"), "tongueOut")[8] > 0.15


def test_a_diphthong_ends_rounded() -> None:
    pucker = track(spoken("OW", seconds=0.3), "mouthPucker")
    assert pucker[-1] > 2 * pucker[1]


def test_silence_is_a_neutral_face() -> None:
    assert targets.channel_targets(spoken("SIL", seconds=0.4), 20, UNITS).max() == 0
    assert targets.channel_targets((), 5, UNITS).shape == (5, len(UNITS))


def test_targets_are_weights_and_never_close_more_than_the_jaw_opens() -> None:
    table, strengths = targets.channel_table(UNITS)
    assert table.min() >= 0 and table.max() <= 1 and (strengths > 0).all()
    assert (table[:, UNITS.index("mouthClose")] <= table[:, UNITS.index("jawOpen")]).all()


def test_articulation_classes() -> None:
    table = targets.articulation_table()
    closing = {p for i, p in enumerate(PHONES) if table[i, ARTICULATION.index("bilabialClosure")]}
    assert closing == {"P", "B", "M"}
    height = dict(zip(PHONES, table[:, ARTICULATION.index("jawHeight")], strict=True))
    assert height["AA"] < height["IH"] < height["S"]


def test_frame_labels_cover_each_frames_centre() -> None:
    labels = frame_labels([Phone(0.02, 0.06, "AA"), Phone(0.06, 0.1, "B")], 7)
    assert [PHONES[i] for i in labels] == ["SIL", "AA", "AA", "B", "B", "SIL", "SIL"]
