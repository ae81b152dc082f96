# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone times from synthesisers, without running one."""
import numpy as np
import pytest

from facewright.inference.speech.model import PHONES
from facewright.training import synthesise
from facewright.training.pack import Phone


@pytest.mark.parametrize(
    ("mnemonic", "phones"), [("aI@", ("AY", "ER")), ("tS", ("CH",)), ("t", ("T",)), ("_:", ("SIL",)), ("i:", ("IY",)), (";", ())]
)
def test_mnemonics(mnemonic: str, phones: tuple[str, ...]) -> None:
    assert synthesise.espeak_phones(mnemonic) == phones


def test_every_mapped_phone_is_known() -> None:
    assert {p for names in synthesise.ESPEAK.values() for p in names} | set(synthesise.RADIO.values()) <= set(PHONES)


def test_events_last_until_the_next_and_share_their_time() -> None:
    phones = synthesise.spread([(0.0, ("SIL",)), (0.1, ("AY", "ER")), (0.3, ("T",))], 0.4)
    assert phones == (Phone(0.0, 0.1, "SIL"), Phone(0.1, 0.2, "AY"), Phone(0.2, 0.3, "ER"), Phone(0.3, 0.4, "T"))


def test_a_stop_starts_where_the_sound_before_it_ends() -> None:
    sound = np.ones(8000)
    sound[3200:4000] = 0  # 0.20 to 0.25 s: the closure
    vowel, stop = synthesise.with_closures((Phone(0.0, 0.25, "AA"), Phone(0.25, 0.5, "P")), sound)
    assert vowel.end == stop.start == pytest.approx(0.2, abs=0.001)
    fricative = synthesise.with_closures((Phone(0.0, 0.25, "AA"), Phone(0.25, 0.5, "S")), sound)
    assert fricative[1].start == 0.25
