# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.timing import frame_times, scene_fps, to_frames


def test_frames_of_ntsc() -> None:
    assert abs(scene_fps(30, 1.001) - 29.97) < 1e-3
    np.testing.assert_allclose(to_frames(np.array([0.0, 1.001]), scene_fps(30, 1.001), 1), [1, 31])


@given(st.floats(0, 1000), st.sampled_from([24, 25, 29.97, 30, 60]))
def test_times_cover_the_duration_and_never_pass_it(duration: float, fps: float) -> None:
    times = frame_times(duration, fps)
    assert times[0] == 0
    assert times[-1] <= duration + 1e-5
    assert duration - times[-1] < 1 / fps + 1e-9
