# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of a stretch of a video are what the whole bake would show there; a photo and a frame are stills."""
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.core.errors import UserError
from facewright.inference import curves_file
from facewright.inference.preference import image_policy, seen, video_takes
from facewright.inference.video import job as video_job
from facewright.rigs.arkit import ARKIT_52

from .conftest import SAMPLE, quiet

VIDEO = SAMPLE.parent / "face.mp4"
WISHES = [{}, {"seed": 7}, {"controls": {"mouth": 1.5}}, {"controls": {"smoothing": 0.0}}]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first second and a half of the sample, with its sound."""
    av = pytest.importorskip("av")
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    with av.open(str(VIDEO)) as source, av.open(str(path), "w") as target:
        streams = {s: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None and packet.pts * packet.time_base < 1.5:
                packet.stream = streams[packet.stream]
                target.mux(packet)
    return path


@pytest.fixture(scope="module")
def photo(clip: Path) -> Path:
    """A frame of it as a picture."""
    import av

    path = clip.with_name("face.png")
    with av.open(str(clip)) as source, av.open(str(path), "w", format="image2") as target:
        frame = next(source.decode(video=0))
        stream = target.add_stream("png", width=frame.width, height=frame.height, pix_fmt="rgb24")
        target.mux(stream.encode(frame.reformat(format="rgb24")))
        target.mux(stream.encode(None))
    return path


def ask(path: Path, out: Path, **more) -> dict:
    return video_takes.run({"path": str(path), "out": str(out), "candidates": WISHES, "device": "cpu", **more}, quiet)


def test_a_take_of_a_stretch_is_part_of_the_whole(clip: Path, tmp_path: Path) -> None:
    told = ask(clip, tmp_path / "t", start=0.4, end=1.2, heard=str(tmp_path / "heard"), sound=str(tmp_path / "s.wav"))
    takes = [curves_file.load(t["curves"]) for t in told["takes"]]
    for smoothing, take in ((1.0, takes[0]), (0.0, takes[3])):
        video_job.video({"path": str(clip), "out": str(tmp_path / "whole.npz"), "smoothing": smoothing, "device": "cpu"}, quiet)
        whole = curves_file.load(tmp_path / "whole.npz").select(ARKIT_52)
        rows = (whole.times >= 0.4 - 1e-6) & (whole.times <= 1.2 + 1e-6)
        np.testing.assert_allclose(take.values, whole.values[rows], atol=1e-5)
        np.testing.assert_allclose(take.times, whole.times[rows] - 0.4, atol=1e-9)
    gap = np.abs(takes[1].values - takes[0].values)
    assert gap.mean() > 0.01 and not gap[:, [i for i, n in enumerate(ARKIT_52) if n.startswith("eyeLook")]].any()
    more = takes[2].values - takes[0].values
    upper = [i for i, n in enumerate(ARKIT_52) if n.startswith(("brow", "eye"))]
    lower = np.delete(more, upper, 1)
    assert lower.min() >= -1e-6 and lower.max() > 0.05 and np.abs(more[:, upper]).max() < 1e-6
    assert told["kind"] == "video" and Path(told["sound"]).stat().st_size > 20_000
    (stretch,) = seen.load_all(tmp_path / "heard", told["model"]).values()
    np.testing.assert_allclose(stretch.arkit, takes[0].values, atol=1e-6)
    with np.load(told["takes"][1]["curves"]) as data:  # so that votes know the draw itself, not what was cut off at 0 and 1
        drawn = image_policy.draw(stretch, np.random.default_rng((7, 3)))
        with np.load(told["takes"][0]["curves"]) as first:
            np.testing.assert_allclose(data["opened"] - first["opened"], drawn, atol=2e-3)


def test_stills(clip: Path, photo: Path, tmp_path: Path) -> None:
    for path, kind, more in ((clip, "video", {"start": 0.6, "end": 0.6}), (photo, "image", {"photo": True})):
        told = ask(path, tmp_path / kind, heard=str(tmp_path / "heard"), **more)
        assert told["kind"] == kind and told["start"] == told["end"]
        takes = [curves_file.load(t["curves"]) for t in told["takes"]]
        assert all(len(t.times) == 1 for t in takes) and np.abs(takes[1].values - takes[0].values).max() > 0.01
    found = video_job.image({"paths": [str(photo)], "device": "cpu"}, quiet)["files"][0]["faces"][0]["arkit"]
    np.testing.assert_allclose(takes[0].values[0], [found[n] for n in ARKIT_52], atol=1e-3)
    assert len(seen.load_all(tmp_path / "heard", told["model"])) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": 3.0, "end": 2.0}, "cannot be cut"),
        ({"start": 90.0, "end": 92.0}, "has only"),
        ({"candidates": []}, "candidates"),
        ({"candidates": [{"pitch": 1}]}, "pitch"),
        ({"candidates": [{"controls": {"jaw": 1.0}}]}, "no control"),
        ({"candidates": [{"controls": {"brows": 3.0}}]}, "amount of brows"),
        ({"candidates": [{"adapter": "/nowhere.safetensors"}]}, "no adapter"),
        ({"candidates": [{"seed": -1}]}, "seed"),
        ({"path": "/nowhere.mp4"}, "nowhere"),
        ({"start": "soon"}, "not a number"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(change: dict, words: str, clip: Path, tmp_path: Path) -> None:
    params = {"path": str(clip), "start": 0.4, "end": 1.2, "out": str(tmp_path), "candidates": [{"seed": 1}], "device": "cpu", **change}
    with pytest.raises(UserError, match=words):
        video_takes.run(params, quiet)


def test_a_picture_without_a_face_is_a_sentence(tmp_path: Path) -> None:
    import av

    path = tmp_path / "grey.png"
    with av.open(str(path), "w", format="image2") as target:
        stream = target.add_stream("png", width=96, height=96, pix_fmt="rgb24")
        target.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((96, 96, 3), 90, np.uint8), format="rgb24")))
        target.mux(stream.encode(None))
    with pytest.raises(UserError, match="No face"):
        ask(path, tmp_path / "o", photo=True)
