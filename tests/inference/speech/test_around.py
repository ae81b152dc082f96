# SPDX-License-Identifier: GPL-3.0-or-later
"""A new take around what is kept: kept samples exactly, no jump at their edges, seals elsewhere, and the file that carries it."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech import around_file as around
from facewright.inference.speech.around import fit
from facewright.inference.speech.around_file import Around
from facewright.inference.speech.closures import apply_track
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.rigs.arkit import ARKIT_52

TIMES = np.arange(180) / 30
PHONES = tuple(Phone("M" if i % 4 == 3 else "AA" if i % 2 else "T", 0.4 + 0.1 * i, 0.5 + 0.1 * i) for i in range(48))
TRACK = PhoneTrack(PHONES)
BROW, JAW, SMILE, BLINK = (ARKIT_52.index(n) for n in ("browInnerUp", "jawOpen", "mouthSmileLeft", "eyeBlinkLeft"))


def take(seed):
    """A finished take at 30 fps: the mouth speaks the track, brows and lids live."""
    rng = np.random.default_rng(seed)
    values = np.zeros((180, 52), np.float32)
    values[:, JAW] = 0.25 + 0.15 * np.sin(TIMES * 11 + rng.uniform(0, 6))
    values[:, SMILE] = values[:, SMILE + 1] = 0.2 + 0.1 * np.sin(TIMES * 2 + rng.uniform(0, 6))
    values[:, BROW] = 0.3 + 0.2 * np.sin(TIMES * 1.5 + rng.uniform(0, 6))
    values[:, BLINK] = np.clip(1 - 8 * np.abs(TIMES - rng.uniform(1, 5)), 0, 1)
    return apply_track(Curves(ARKIT_52, TIMES, values), TRACK)


def kept_of(old, rows, columns):
    where = np.zeros((180, 52), bool)
    where[np.ix_(rows, columns)] = True
    return Around(old, where)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (range(60, 90), range(52)),
        (range(0, 180), [BROW, BLINK]),
        ([70], [JAW]),
        (range(100, 110), [SMILE, BROW]),
        (range(170, 180), range(52)),
    ],
)
def test_kept_samples_are_met_exactly_and_edges_do_not_jump(rows, columns):
    old, new = take(1), take(2)
    rows, columns = list(rows), list(columns)
    made = fit(new, kept_of(old, rows, columns), TRACK)
    np.testing.assert_array_equal(made.values[np.ix_(rows, columns)], old.values[np.ix_(rows, columns)])
    assert made.values.min() >= 0 and made.values.max() <= 1
    # a step at an edge is no larger than steps of the two takes themselves, and a little for the way from one to the other
    usual = np.maximum(np.abs(np.diff(old.values, axis=0)).max(0), np.abs(np.diff(new.values, axis=0)).max(0))
    apart = np.abs(old.values - new.values).max(0)
    for edge in (rows[0], rows[-1] + 1):
        if 0 < edge < 180:
            steps = np.abs(made.values[edge] - made.values[edge - 1])
            assert (steps <= usual + 0.45 * apart + 0.01)[columns].all()


def test_far_from_what_is_kept_the_new_take_is_untouched_and_seals_hold():
    old, new = take(1), take(2)
    made = fit(new, kept_of(old, list(range(60, 90)), list(range(52))), TRACK)
    far = (TIMES < 0.5) | (TIMES > 4.5)
    np.testing.assert_allclose(made.values[far], new.values[far], atol=0.02)
    gap = lip_gap(ARKIT_52, made.values)
    for phone in PHONES:
        if phone.label == "M" and not 1.85 < phone.start < 3.1:
            inside = slice(*np.searchsorted(TIMES, (phone.start - 0.02, phone.end + 0.02)))
            assert gap[inside].min() < TOUCHING, f"M at {phone.start:.1f} s"


def test_what_the_artist_opened_stays_open():
    old, new = take(1), take(2)
    m = next(i for i, p in enumerate(PHONES) if p.label == "M" and p.start > 2)
    row = int(np.abs(TIMES - 0.5 * (PHONES[m].start + PHONES[m].end)).argmin())
    edited = Curves(ARKIT_52, TIMES, old.values.copy())
    edited.values[row, JAW] = 0.6
    made = fit(new, kept_of(edited, [row], [JAW]), TRACK)
    assert made.values[row, JAW] == np.float32(0.6)
    assert made.values[row - 1, JAW] > 0.05 and made.values[row + 1, JAW] > 0.05, "its neighbours go along"


def test_strength_is_in_the_rest_and_not_in_what_is_kept():
    old, new = take(1), take(2)
    scaled = Around(old, kept_of(old, [80], [BROW]).where, strength=0.5)
    made = fit(new, scaled, TRACK)
    assert made.values[80, BROW] == old.values[80, BROW]
    np.testing.assert_allclose(made.values[10, BROW], 0.5 * new.values[10, BROW], atol=0.01)


def test_a_shorter_or_longer_new_take_is_met_as_far_as_it_goes():
    old, new = take(1), take(2)
    around_ = kept_of(old, list(range(100, 180)), [BROW])
    shorter = Curves(ARKIT_52, TIMES[:120], new.values[:120])
    np.testing.assert_array_equal(fit(shorter, around_, TRACK).values[100:, BROW], old.values[100:120, BROW])
    other_rate = Curves(ARKIT_52, np.arange(180) / 60, new.values)
    with pytest.raises(UserError, match="another frame rate"):
        fit(other_rate, around_, TRACK)


def test_nothing_kept_is_the_take_itself():
    np.testing.assert_array_equal(fit(take(2), Around(take(1), np.zeros((180, 52), bool)), TRACK).values, take(2).values)


def test_the_file_comes_back_and_damage_is_told(tmp_path):
    made = Around(take(1), take(1).values > 0.3, 0.7, 0.1)
    around.save(made, tmp_path / "a.npz")
    found = around.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.where, made.where)
    np.testing.assert_array_equal(found.curves.values, made.curves.values)
    assert (found.strength, found.smoothing) == (0.7, 0.1)
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    for name in ("b.npz", "c.npz"):
        with pytest.raises(UserError, match="kept of the take"):
            around.load(tmp_path / name)
