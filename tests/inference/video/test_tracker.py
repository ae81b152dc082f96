# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracker on drawn faces whose places are known: it follows, loses, finds again, keeps to its person and says when there is none."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference.video.crop import Crop
from facewright.inference.video.crop import cut as plain_cut
from facewright.inference.video.cutting import cut
from facewright.inference.video.frames import Frame
from facewright.inference.video.tracker import Tracker, TrackOptions, look_at_photo

_spec = importlib.util.spec_from_file_location("drawn", Path(__file__).with_name("drawn.py"))
drawn = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drawn)


def clip(*frames, fps=25):
    return [Frame(i / fps, drawn.scene(*faces) if isinstance(faces, list) else faces) for i, faces in enumerate(frames)]


def off(track, faces):
    """How far the points are from the drawn ones, in parts of the face; rows are frames, faces (left, top, side) or None."""
    out = []
    for i, face in enumerate(faces):
        if face is not None and track.valid[i]:
            true = np.array(face[:2]) + drawn.LAYOUT * face[2]
            out.append(np.abs(track.points[i] - true).max() / face[2])
    return np.array(out)


def test_a_still_face_costs_one_crop_a_frame_and_does_not_tremble():
    networks = drawn.DrawnNetworks()
    face = (100, 50, 60)
    track = Tracker(networks).run(clip(*[[face]] * 50))
    assert track.valid.all() and track.gaps() == [] and track.faces == 1
    assert off(track, [face] * 50).max() < 0.04
    assert np.ptp(track.points[2:], 0).max() == 0 and np.ptp(track.box[2:], 0).max() == 0
    assert networks.calls <= 54 and networks.looks <= 8 and networks.finds <= 5


def test_careful_looks_err_less_than_one():
    class Unsure(drawn.DrawnNetworks):
        """Points of each crop are off by something else; of a crop both ways round by less, as a mean is."""

        def __init__(self):
            super().__init__()
            self.rng = np.random.default_rng(0)

        def look(self, crops, both_ways=False):
            dense = super().look(crops, both_ways)
            noise = self.rng.normal(0, 0.01 / (2**0.5 if both_ways else 1), dense.points.shape)
            return dataclasses.replace(dense, points=dense.points + noise.astype(np.float32))

    face = (100, 50, 60)
    frames = clip(*[[face]] * 20, [], *[[face]] * 10)
    once, careful = (Tracker(Unsure(), TrackOptions(careful=c)).run(frames) for c in (False, True))
    np.testing.assert_array_equal(careful.valid, once.valid)
    assert not careful.valid[20] and careful.valid.sum() == 30
    trembling = [track.points[track.valid].std(0).mean() for track in (once, careful)]
    assert trembling[1] < 0.7 * trembling[0]


def test_a_moving_and_growing_face_is_followed():
    faces = [(20 + 3 * i, 40 + 20 * np.sin(i / 6), 50 + 0.5 * i) for i in range(60)]
    networks = drawn.DrawnNetworks()
    track = Tracker(networks).run(clip(*[[f] for f in faces]))
    assert track.valid.all()
    assert off(track, faces).max() < 0.06
    assert networks.calls < 3.2 * 60


def test_a_face_that_leaves_and_returns_leaves_a_gap():
    face = (100, 50, 60)
    track = Tracker(drawn.DrawnNetworks()).run(clip(*([[face]] * 20 + [[]] * 30 + [[(200, 60, 40)]] * 20)))
    np.testing.assert_array_equal(track.valid, [True] * 20 + [False] * 30 + [True] * 20)
    (gap,) = track.gaps()
    assert gap == pytest.approx((0.8, 2.0))
    assert track.gaps(longer_than=1.5) == []
    assert (track.points[25] == 0).all()


def test_a_face_that_comes_late_and_goes_early():
    track = Tracker(drawn.DrawnNetworks()).run(clip(*([[]] * 7 + [[(100, 50, 60)]] * 9 + [[]] * 5)))
    np.testing.assert_array_equal(track.valid, [False] * 7 + [True] * 9 + [False] * 5)
    assert track.gaps()[0] == pytest.approx((0, 0.28)) and track.gaps()[1][1] == pytest.approx(21 / 25)


def test_a_jump_is_found_again_at_once():
    faces = [(30, 50, 60)] * 20 + [(220, 60, 50)] * 20
    track = Tracker(drawn.DrawnNetworks()).run(clip(*[[f] for f in faces]))
    assert track.valid.sum() >= 39 and off(track, faces).max() < 0.05


def test_a_scene_cut_starts_anew():
    day, night = drawn.scene((30, 50, 60), level=160), drawn.scene((200, 20, 90), (40, 40, 40), level=20)
    track = Tracker(drawn.DrawnNetworks()).run(clip(*[day] * 20, *[night] * 20))
    assert track.cuts == (0.8,) and track.valid.all() and track.faces == 2
    assert off(track, [(30, 50, 60)] * 20 + [(200, 20, 90)] * 20).max() < 0.05


def test_a_gap_is_as_long_as_nobody_was_seen_and_cuts_move_with_their_frames():
    day, night = drawn.scene((30, 50, 60), level=160), drawn.scene((200, 20, 90), level=20)
    track = Tracker(drawn.DrawnNetworks()).run(clip(*[day] * 20, *[drawn.scene(level=160)] * 6, *[night] * 20))
    assert track.gaps(0.25) == track.gaps(0.27) == [(0.8, 1.04)] and track.gaps(0.28) == []  # last seen at 0.76
    moved = track.at(track.times - 0.001)
    assert moved.times[26] in moved.cuts and moved.gaps(0.25)[0][0] == moved.times[20]


@pytest.mark.parametrize(("face", "chosen"), [("largest", (190, 30, 80)), (1, (40, 60, 50)), (2, (190, 30, 80)), (3, (285, 80, 30))])
def test_of_several_people_the_one_that_was_chosen(face, chosen):
    people = [(285, 80, 30), (40, 60, 50), (190, 30, 80)]
    track = Tracker(drawn.DrawnNetworks(), TrackOptions(face)).run(clip(*[people] * 20))
    assert track.faces == 3 and track.valid.all()
    assert off(track, [chosen] * 20).max() < 0.06


def test_another_person_does_not_take_the_place_of_who_has_left():
    mine, other = (200, 40, 80), (40, 60, 50)
    frames = [[mine, other]] * 30 + [[other]] * 60 + [[mine, other]] * 20
    track = Tracker(drawn.DrawnNetworks(), TrackOptions("largest")).run(clip(*frames))
    np.testing.assert_array_equal(track.valid, [True] * 30 + [False] * 60 + [True] * 20)
    assert off(track, [mine] * 110).max() < 0.05


def test_no_face_is_a_sentence_and_nothing_is_invented():
    with pytest.raises(UserError, match="No face was found in any of the 30 frames"):
        Tracker(drawn.DrawnNetworks()).run(clip(*[[]] * 30))
    with pytest.raises(UserError, match="No face was found"):
        Tracker(drawn.DrawnNetworks()).run(clip(*[[(100, 80, 8)]] * 5))  # 8 px


def test_a_face_that_is_not_there_is_a_sentence():
    with pytest.raises(UserError, match="Face 3 was asked for, but the video shows only 2 faces"):
        Tracker(drawn.DrawnNetworks(), TrackOptions(3)).run(clip(*[[(40, 60, 50), (190, 30, 80)]] * 5))
    for wrong in (0, -1, "second", True, 1.5):
        with pytest.raises(UserError, match="none that can be chosen"):
            TrackOptions(wrong)


def test_stopping_is_asked_for_in_every_block():
    asked = []

    def stop(time):
        asked.append(time)
        if time > 1.0:
            raise Cancelled

    with pytest.raises(Cancelled):
        Tracker(drawn.DrawnNetworks()).run(clip(*[[(100, 50, 60)]] * 100), stop)
    assert len(asked) >= 3


def test_the_result_does_not_depend_on_what_comes_later():
    faces = [[(20 + 3 * i, 40, 50)] for i in range(40)]
    whole = Tracker(drawn.DrawnNetworks()).run(clip(*faces))
    part = Tracker(drawn.DrawnNetworks()).run(clip(*faces[:32]))
    np.testing.assert_array_equal(whole.points[:32], part.points)


def test_a_photo_shows_everybody_from_left_to_right():
    tracks = look_at_photo(drawn.scene((190, 30, 80), (40, 60, 50)), drawn.DrawnNetworks())
    assert [round(float(t.box[0, 0] + t.box[0, 2] / 2) / 5) for t in tracks] == [13, 46]
    assert look_at_photo(drawn.scene(), drawn.DrawnNetworks()) == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_may_lie_any_way_up(quarters):
    """Turned faces are found, and their points are those of the upright picture."""
    from facewright.inference.video.networks import FaceNetworks

    with np.load(Path(__file__).with_name("held_out_faces.npz"), allow_pickle=False) as z:
        pictures = z["pictures"]
    networks = FaceNetworks()
    for picture in pictures[:2]:
        (upright,) = look_at_photo(picture, networks)
        (turned,) = look_at_photo(np.ascontiguousarray(np.rot90(picture, quarters)), networks)
        x, y = turned.points[0].T
        side = len(picture)
        back = {1: (side - y, x), 2: (side - x, side - y), 3: (y, side - x)}[quarters]
        away = np.linalg.norm(np.stack(back, 1) - upright.points[0], axis=1)
        assert away[upright.visible[0] > 0.5].mean() < 0.02 * upright.box[0, 2]


@pytest.mark.parametrize("roll", [0.0, 0.4, -1.2, np.pi])
@pytest.mark.parametrize("side", [60, 100, 150])
def test_a_crop_is_cut_where_its_coordinates_say(roll, side):
    """A bright spot is found in the crop where the picture's coordinates put it, whichever way and by how much it is turned and shrunk."""
    image = np.zeros((220, 240, 3), np.uint8)
    image[106:112, 120:126] = 255
    crop = Crop(110, 105, side, roll)
    seen = cut(image, crop, 96).astype(float)[..., 0]
    rows, columns = np.indices(seen.shape) + 0.5
    centre = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum() / 96
    np.testing.assert_allclose(crop.to_picture(centre), [123, 109], atol=0.25)


@pytest.mark.parametrize(("x", "y"), [(5, 5), (238, 218), (-300, 20), (100, 60)])
def test_a_crop_may_reach_outside_the_picture(x, y):
    image = np.full((220, 240, 3), 200, np.uint8)
    seen = cut(image, Crop(x, y, 80, 0.3), 96)
    assert seen.shape == (96, 96, 3) and (seen == 200).all()


def test_the_fast_cut_is_the_networks_own():
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
    image = np.ascontiguousarray(np.kron(coarse, np.ones((12, 12, 1), np.uint8)))
    for side, roll in ((80, 0.0), (160, 0.5), (240, -2.0)):
        crop = Crop(230, 180, side, roll)
        assert np.abs(cut(image, crop, 96).astype(int) - plain_cut(image, crop, 96)).mean() < 6
