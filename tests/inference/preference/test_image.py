# SPDX-License-Identifier: GPL-3.0-or-later
"""The image model is tuned like the speech model: a taste is learnt, the base stays as it is, and nothing fits where it does not belong."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.core.content import sha256_of
from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.preference import adapter_file, features, image_adapter, image_check, image_policy, jobs, seen
from facewright.inference.preference.image_adapter import UNITS, ImageAdapter
from facewright.inference.preference.image_base import ImageBase
from facewright.inference.preference.seen import Seen
from facewright.inference.preference.tuning import TuneOptions
from facewright.inference.speech import variation, weights_file
from facewright.inference.video import coefficients
from facewright.preference.adapters import Card, read_card
from facewright.rigs.arkit import ARKIT_52

from .conftest import quiet
from .image_sitting import MODEL, Sitting, brows


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Sitting:
    torch.set_num_threads(1)
    return Sitting.of(tmp_path_factory.mktemp("rendered"))


@pytest.fixture(scope="module")
def tuned(rendered: Sitting, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """An adapter tuned on 60 votes for larger brows."""
    folder = tmp_path_factory.mktemp("tuned")
    votes = rendered.voted(folder / "votes", brows, 60)
    return jobs.finetune({"votes": str(votes), "base": "image", "out": str(folder / "brows.safetensors"), "device": "cpu"}, quiet)


def some(seed: int, width: int | None = None) -> ImageAdapter:
    width = width or coefficients.load().config.width
    generator = torch.Generator().manual_seed(seed)
    none = ImageAdapter.none(width, seed=seed)
    return replace(none, **{n: 0.1 * torch.randn(t.shape, generator=generator) for n, t in none.tensors().items() if n != "down"})


def saved(path: Path, adapter: ImageAdapter, base: str = "image", sha: str = MODEL) -> Path:
    adapter_file.save(adapter, Card("Any", base, sha, adapter.units), path)
    return path


def test_a_taste_is_learnt_and_the_base_is_not_touched(rendered: Sitting, tuned: dict) -> None:
    assert sha256_of(coefficients.SHIPPED) == MODEL
    card = read_card(tuned["adapter"])
    assert (card.base, card.base_sha256, card.votes) == ("image", MODEL, 60)
    base = ImageBase()
    adapter = base.open(tuned["adapter"])
    before, after = (np.mean([brows(base.mean_face(s, a)) for s in rendered.seen]) for a in (None, adapter))
    assert after > 1.1 * before, "brows go up further"
    moved = {n: float(np.mean([np.abs(base.mean_face(s, adapter).channel(n) - s.arkit[:, i]).mean() for s in rendered.seen]))
             for i, n in enumerate(ARKIT_52)}  # fmt: skip
    assert max(moved, key=moved.get).startswith("brow")
    assert not any(m for n, m in moved.items() if n.startswith("eyeLook")), "gaze is measured, not a matter of taste"
    lost = image_check.figures(adapter).lost(image_check.figures(None))
    assert max(lost.values()) <= 0.02 and not tuned["gate"]["passed"], "it keeps the lips, and still has to win blind"


def test_votes_about_the_upper_face_leave_the_mouth(rendered: Sitting, tmp_path: Path) -> None:
    votes = rendered.voted(tmp_path / "votes", lambda c: brows(c) - float(c.channel("jawOpen").mean()), 60, "upper")
    given = {"votes": str(votes), "base": "image", "out": str(tmp_path / "x.safetensors"), "device": "cpu", "rounds": 1}
    base = ImageBase()
    adapter = base.open(jobs.finetune(given, quiet)["adapter"])
    moved = np.mean([np.abs(base.mean_face(s, adapter).values - s.arkit).mean(0) for s in rendered.seen], 0)[image_adapter.COLUMNS]
    upper, lower = (moved[rows].mean() for rows in (image_policy.UPPER, ~image_policy.UPPER))
    assert upper > 0.003 and lower < upper / 10


def test_what_tuning_sees_is_what_the_product_does(rendered: Sitting) -> None:
    stretch, adapter = rendered.seen[0], some(1)
    base = ImageBase()
    material = base.material([stretch], torch.device("cpu"))
    _, opened = base.means(adapter, material)
    product = base.mean_face(stretch, adapter).values[:, image_adapter.COLUMNS]
    rows = [i for i, n in enumerate(image_adapter.CHANNELS) if n != "mouthClose"]  # which the jaw holds back
    np.testing.assert_allclose(variation.close_down(opened[0].T.numpy())[:, rows], product[:, rows], atol=1e-4)
    assert product.min() >= 0 and product.max() <= 1


def test_the_log_ratio_is_that_of_the_density(rendered: Sitting) -> None:
    """<S^-1 (a - b), shift> = log N(a; shift) - log N(b; shift) - log N(a; 0) + log N(b; 0), on a stretch small enough to be dense."""
    stretch = rendered.seen[1]
    stretch = replace(stretch, **{n: getattr(stretch, n)[:6] for n in ("times", "hidden", "arkit", "calm", "sigma")})
    generator = np.random.default_rng(0)
    a, b, shift = (image_policy.draw(stretch, generator) for _ in range(3))
    time = np.linalg.inv(image_policy.time_precision(stretch.times))
    scale = np.tile(image_policy.scale_of(stretch), len(stretch.times))
    inverse = np.linalg.inv(np.kron(time, image_policy.channel_covariance()) * np.outer(scale, scale))

    def log(x: np.ndarray, mean: np.ndarray) -> float:
        gap = (x - mean).ravel()
        return -0.5 * float(gap @ inverse @ gap)

    exact = log(a, shift) - log(b, shift) - log(a, 0 * a) + log(b, 0 * b)
    ours = float(((image_policy.whitened(stretch, a) - image_policy.whitened(stretch, b)) * shift).sum())
    assert ours == pytest.approx(exact, rel=1e-3, abs=1e-3)
    halves = sum(float((image_policy.whitened(stretch, a, r) * shift).sum()) for r in ("upper", "lower"))
    assert halves == pytest.approx(float((image_policy.whitened(stretch, a) * shift).sum()), rel=1e-3, abs=1e-3)


def test_solve_heeds_the_adapter() -> None:
    clip = image_check.Clip.load(sorted(image_check.FOLDER.glob(image_check.PATTERN))[0])
    side, middle = clip.box[:20, 2:].max(1), clip.box[:20, :2] + clip.box[:20, 2:] / 2
    points = clip.points[:20] * side[:, None, None] + middle[:, None]
    valid = np.ones(20, bool)
    valid[8:10] = False
    given = (clip.times[:20], points, clip.sigma[:20] * side[:, None], clip.visible[:20], valid, clip.box[:20], clip.size)
    plain, tuned = (
        coefficients.solve(*given, clip.appearance[:20], adapter=a)
        for a in (None, image_adapter.Applied(replace(some(2), offset=torch.full((len(UNITS),), 0.5))))
    )
    assert (tuned.arkit - plain.arkit)[:, ARKIT_52.index("browInnerUp")].min() >= 0
    assert (tuned.arkit - plain.arkit)[8:10].max() > 0.02, "frames that were bridged too"
    np.testing.assert_array_equal(tuned.rotation, plain.rotation)
    none = coefficients.solve(*given, clip.appearance[:20], adapter=image_adapter.Applied(some(2), 0.0))
    np.testing.assert_allclose(none.arkit, plain.arkit, atol=1e-5)
    with pytest.raises(UserError, match="another shape"):
        coefficients.solve(*given, clip.appearance[:20], adapter=image_adapter.Applied(some(2, width=8)))


def test_blends_lie_between_and_files_come_back(tmp_path: Path, rendered: Sitting) -> None:
    a, b, stretch = some(3), some(4), rendered.seen[2]
    for share, end in ((0.0, a), (1.0, b)):
        mixed = image_policy.mean_take(stretch, image_adapter.blend(a, b, share))
        np.testing.assert_allclose(mixed, image_policy.mean_take(stretch, end), atol=1e-5)
    paths = [saved(tmp_path / f"{n}.safetensors", x) for n, x in (("a", a), ("b", b))]
    told = jobs.blend({"a": str(paths[0]), "b": str(paths[1]), "share": 0.5, "out": str(tmp_path / "c.safetensors")}, quiet)
    assert read_card(told["adapter"]).base == "image"
    compared = jobs.compare({"a": told["adapter"], "b": "base"}, quiet)
    assert set(compared["a"]["figures"]) == {"gap_r", "closure_recall", "closure_precision", "blink_recall", "jitter"}
    assert compared["base"] == "image" and max(compared["differ"].values()) > 0


def test_figures_mean_what_they_say() -> None:
    times = np.arange(100) / 25
    truth = np.zeros((100, 52), np.float32)
    truth[:, ARKIT_52.index("jawOpen")] = np.clip(0.3 * np.sin(2 * np.pi * times), 0, 1)
    for side in ("Left", "Right"):
        truth[:, ARKIT_52.index(f"eyeBlink{side}")] = np.exp(-0.5 * ((times - 2) / 0.06) ** 2)
    same = image_check.measured([(truth, truth)])
    assert (same.closure_recall, same.closure_precision, same.blink_recall) == (1.0, 1.0, 1.0) and same.gap_r > 0.999
    open_mouthed = truth.copy()
    open_mouthed[50:, ARKIT_52.index("jawOpen")] += 0.2
    assert image_check.measured([(open_mouthed, truth)]).closure_recall < 1
    small = image_check.measured([(0.45 * truth, truth)])
    assert small.blink_recall == 0 and small.jitter == pytest.approx(same.jitter, rel=0.01), "smaller is not calmer"
    shaken = truth + 0.05 * np.random.default_rng(0).random(truth.shape).astype(np.float32)
    assert image_check.measured([(shaken, truth)]).jitter > 1.5 * same.jitter
    nothing = image_check.FaceFigures(0.9, 0.0, 0.5, 1.0, 0.2)
    assert max(nothing.lost(nothing).values()) == 0, "where there is nothing to lose, nothing is lost"


def test_a_clip_comes_back_nearly_as_it_was(tmp_path: Path) -> None:
    clip = image_check.Clip.load(sorted(image_check.FOLDER.glob(image_check.PATTERN))[1])
    clip.save(tmp_path / "again.npz")
    again = image_check.Clip.load(tmp_path / "again.npz")
    assert np.abs(clip.points - again.points).max() < 1e-3 and again.size == clip.size
    np.testing.assert_allclose(again.sigma, clip.sigma, rtol=0.04)
    (tmp_path / "again.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="check clips"):
        image_check.Clip.load(tmp_path / "again.npz")


def test_an_adapter_fits_one_model_only(tmp_path: Path) -> None:
    base = ImageBase()
    with pytest.raises(UserError, match="other weights"):
        base.open(saved(tmp_path / "old.safetensors", some(5), sha="0" * 64))
    with pytest.raises(UserError, match="for the speech model"):
        base.open(saved(tmp_path / "speech.safetensors", some(5), "speech", weights_file.sha256(weights_file.SHIPPED)))
    with pytest.raises(UserError, match="for the image model"):
        adapter_file.load(saved(tmp_path / "image.safetensors", some(5)), weights_file.sha256(weights_file.SHIPPED))
    with pytest.raises(UserError, match="damaged"):
        base.open(saved(tmp_path / "nan.safetensors", replace(some(5), gain=torch.full((len(UNITS),), float("nan")))))
    with pytest.raises(UserError, match="damaged"):
        base.open(saved(tmp_path / "short.safetensors", replace(some(5), gain=torch.zeros(3))))


def test_a_still_is_a_stretch_of_one_frame(tmp_path: Path, rendered: Sitting) -> None:
    one = rendered.seen[3]
    still = Seen(one.clip, MODEL, 0.0, 0.0, np.zeros(1), one.hidden[:1], one.arkit[:1], one.calm[:1], one.sigma[:1])
    path = tmp_path / seen.file_name(still.clip, MODEL, 0.0, 0.0)
    seen.save(still, path)
    assert seen.load_all(tmp_path, MODEL)[still.key].times.shape == (1,)
    base = ImageBase()
    drawn = base.explorer(base.none(base.material([still], torch.device("cpu")), 4, 0))(still, base.usual(still), 3, 0)
    assert np.isfinite(drawn.rows).all() and np.ptp(drawn.rows, axis=0).max() > 0.01
    rates = [i for i, f in enumerate(features.listed()) if "a second" in f.name]
    assert not drawn.rows[:, rates].any(), "a still has no rates"
    shut = Curves(ARKIT_52, np.zeros(1), np.zeros((1, 52), np.float32))
    assert np.isfinite(features.describe(shut)).all()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="damaged"):
        seen.load(path)


def test_too_little_to_learn_from_is_a_sentence(tmp_path: Path) -> None:
    from facewright.preference.store import Store

    Store.open(tmp_path / "votes").close()
    with pytest.raises(UserError, match="no votes on videos"):
        jobs.finetune({"votes": str(tmp_path / "votes"), "base": "image", "out": str(tmp_path / "x.safetensors")}, quiet)
    assert TuneOptions().rounds == 2
