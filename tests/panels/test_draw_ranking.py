# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels of comparing and learning draw in every state, and say what to do next."""
from pathlib import Path
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from facewright import preferences, registration  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.panels.adapters import FACEWRIGHT_PT_adapters as Adapters  # noqa: E402
from facewright.panels.adapters import FACEWRIGHT_PT_learn as Learn  # noqa: E402
from facewright.panels.ranking import FACEWRIGHT_PT_ranking as Ranking  # noqa: E402
from facewright.preference.adapters import Card, Shelved  # noqa: E402
from facewright.scene import films, jobs, learning, ranking, sitting  # noqa: E402

from .test_draw import Layout, character, draw  # noqa: E402

pytestmark = pytest.mark.blender
A, B, C, D = (letter * 64 for letter in "abcd")


@pytest.fixture
def addon(monkeypatch):
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    monkeypatch.setattr(Layout, "template_icon", lambda self, icon_value, scale: self.drawn.append("icon"), raising=False)
    registration.register()
    yield
    monkeypatch.setattr(sitting, "_session", None)
    registration.unregister()


@pytest.fixture
def session(addon, monkeypatch):
    """An open sitting of three pairs whose films are not there yet."""
    asked = ranking.Sitting("mika", "whole", "overall", 0, {})
    asked.add([(A, B), (C, D), (A, D)])
    made = {}
    maker = SimpleNamespace(film=made.get, progress=lambda takes: 0.25, ready=True, error=None, made=made)
    source = SimpleNamespace(busy=False, brief=SimpleNamespace(tested=""))
    opened = sitting.Session(asked, SimpleNamespace(), maker, source)
    monkeypatch.setattr(sitting, "_session", opened)
    return opened


def test_start_offers_what_can_be_chosen_and_says_what_is_missing(addon):
    said = draw(Ranking)
    for name in ("where", "length", "differ", "spread", "count", "shown", "region", "axis", "camera", "engine", "size"):
        assert name in said.split()
    assert "Select a character" in said and "facewright.rank_start" in said
    character(("jawOpen",))
    assert "Choose the sound" in draw(Ranking)


def test_making_takes_can_be_cancelled(addon):
    import threading

    from facewright.scene import tasks

    go_on = threading.Event()
    task = tasks.ThreadTask(lambda task: go_on.wait(10) and {})
    task.progress, task.stage = 0.4, "Listening"
    jobs.start("ranking", "Make Takes", task, lambda result: jobs.Outcome("done", ()))
    said = draw(Ranking)
    assert "40%" in said and "facewright.cancel_job" in said and "facewright.rank_start" not in said
    go_on.set()
    task.wait()
    while jobs.tick() is not None:
        pass


def test_films_that_are_made_show_progress_and_no_answers(session):
    said = draw(Ranking)
    assert "Rendering: 25%" in said and "facewright.rank_play" in said and "0 votes" in said and "3 to go" in said
    assert "Better" not in said and "icon" not in said


def test_a_pair_that_is_ready_has_strips_and_answers(session, monkeypatch):
    from facewright.scene import strips

    session.maker.made.update({take: films.Film(take, (Path("1.jpg"),), 24.0) for take in (A, B, C, D)})
    monkeypatch.setattr(strips, "icons", lambda take: [1, 2, 3])
    said = draw(Ranking)
    assert said.count("icon") == 6 and said.count("facewright.rank_act") == 6 and "facewright.rank_note" in said
    session.sitting.tie(1.0)
    said = draw(Ranking)
    assert "1 vote in" in said and "equally good" in said and "facewright.rank_retract" in said


def test_the_panel_points_to_the_open_player(session):
    session.playing = True
    said = draw(Ranking)
    assert "until Esc" in said and "facewright.rank_act" not in said


def test_a_rest_and_a_broken_renderer_are_told(session, monkeypatch):
    monkeypatch.setattr(ranking, "REST_VOTES", 1)
    session.sitting.tie(1.0)
    said = draw(Ranking)
    assert "rest your eyes" in said and "1 vote" in said
    session.maker.error = UserError("The second Blender ended.", "Choose Cycles.")
    assert "Choose Cycles." in draw(Ranking) and "facewright.rank_end" in draw(Ranking)


def test_the_end_of_the_queue_says_so(session):
    for at in range(4):
        if session.question:
            session.sitting.tie(float(at))
    assert "All pairs are judged" in draw(Ranking)
    session.source.busy = True
    assert "More takes are being made" in draw(Ranking)


def known(monkeypatch, **values):
    folder = preferences.settings(bpy.context).data_folder
    monkeypatch.setattr(learning, "current", lambda _folder: learning.Known(folder, **values))


def shelved(name, passed, reasons=()):
    gate = {"passed": passed, "reasons": list(reasons)}
    return Shelved(Path(f"{name}.safetensors"), "ab" * 32, Card(name, "speech", "cd" * 32, ("jawOpen",), votes=40, gate=gate))


def test_learning_counts_what_is_missing(addon, monkeypatch):
    monkeypatch.setattr(learning, "current", lambda _folder: None)
    assert "Reading the votes" in draw(Learn) and draw(Adapters) == ""
    known(monkeypatch, votes=7, by_rater=("mika answers as before.",))
    said = draw(Learn)
    assert "7 votes" in said and "Suggest controls: ready." in said and "13 more votes" in said and "93 more votes" in said
    for name in ("suggest_controls", "finetune", "votes_export", "votes_import"):
        assert f"facewright.{name}" in said
    assert "mika answers as before." in said and "rounds" in said.split()


def test_the_verdict_stays_in_the_panel(addon, monkeypatch):
    known(monkeypatch, votes=120)
    jobs.set_outcome("learning", jobs.Outcome("done", ("The adapter has not passed yet.", "About 10 comparisons would tell.")))
    assert "About 10 comparisons would tell." in draw(Learn)


def test_adapters_are_listed_with_what_can_be_done(addon, monkeypatch):
    known(monkeypatch)
    assert "the model as it ships" in draw(Adapters) and "blend_share" not in draw(Adapters)
    adapters = (shelved("new", False, ["It has not been compared."]), shelved("old", True))
    known(monkeypatch, adapters=adapters, active={"speech": "old.safetensors"}, can_roll_back=("speech",))
    said = draw(Adapters)
    assert "new" in said and "old" in said and "40 votes" in said and "It has not been compared." in said
    assert said.index("new") < said.index("It has not been compared.") < said.index("old"), "reasons stand under their adapter"
    assert said.count("facewright.rank_start") == said.count("facewright.adapter_gate") == 1, "only what has not passed is tested"
    for name in ("adapter_strength", "blend_share", "adapter_roll_back", "adapter_import", "adapter_blend"):
        assert name in said
    assert said.count("facewright.adapter_export") == said.count("facewright.adapter_remove") == 2
