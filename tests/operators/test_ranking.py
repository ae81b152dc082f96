# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting from the operators: takes, films, votes in the store, and an artist's file that is as it was, however it ends."""
import functools
import sys
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright import preferences  # noqa: E402
from facewright.inference.client import WorkerClient  # noqa: E402
from facewright.inference.runtime import Runtime  # noqa: E402
from facewright.operators.rank_start import FACEWRIGHT_OT_rank_start as Start  # noqa: E402
from facewright.preference.store import Store  # noqa: E402
from facewright.scene import films, jobs, learning, render, runtime_status, sitting, tasks  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def face(face):
    """The triangle's shape keys move something, so that there is a face to frame."""
    for number, name in enumerate(("jawOpen", "mouthClose", "eyeBlinkLeft")):
        face.data.shape_keys.key_blocks[name].data[number].co.z -= 0.3
    return face


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data folder of this test alone."""
    folder = tmp_path / "data"
    chosen = preferences.Settings("cpu", sys.executable, folder)
    original = preferences.settings
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("facewright.") and getattr(module, "settings", None) is original:
            monkeypatch.setattr(module, "settings", lambda context: chosen)
    return folder


@pytest.fixture
def worker(addon, data, monkeypatch, tmp_path):
    stand_in = Path(__file__).with_name("ranking_stand_in.py")
    client = WorkerClient(sys.executable, tmp_path / "logs", arguments=("--handlers", str(stand_in)))
    monkeypatch.setattr(tasks, "worker", lambda python, logs: client)
    monkeypatch.setattr(runtime_status, "find", lambda python, folder: Runtime(Path(sys.executable), "environment", "0"))
    yield client
    sitting.end()
    jobs.shut_down()
    learning.forget()
    client.close()


@pytest.fixture
def small(settings):
    """The quickest films that are films."""
    settings.ranking.size = 128
    settings.ranking.where = "HERE"
    settings.ranking.length = 1.0
    return settings.ranking


def start():
    assert bpy.ops.facewright.rank_start() == {"FINISHED"}
    return sitting.current()


def until(done, seconds=180.0):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"it did not come about: {sitting.current().message}"
        sitting.tick()
        time.sleep(0.01)


def state():
    """Everything that a sitting must not change."""
    scene = bpy.context.scene
    counts = {name: len(getattr(bpy.data, name)) for name in dir(bpy.data) if hasattr(getattr(bpy.data, name), "__len__")}
    keys = [(b.name, b.value) for key in bpy.data.shape_keys for b in key.key_blocks]
    looks = (scene.render.engine, scene.render.resolution_x, scene.render.filepath, scene.frame_current, scene.camera)
    return counts, keys, looks, [o.name for o in bpy.context.selected_objects]


needs_workbench = pytest.mark.skipif(not render.workbench_available(), reason="Workbench needs EGL, which this machine lacks")


@pytest.mark.slow
@needs_workbench
def test_votes_reach_the_store_and_the_file_is_untouched(face, settings, small, worker, sound, data):
    settings.sound = sound()
    before = state()
    session = start()
    assert session.question is not None and session.sitting.left == 6, "four takes make six pairs"
    until(lambda: session.films() is not None)
    film = session.films()[0]
    assert len(film.frames) == 24 and all(path.is_file() for path in film.frames)
    assert film.fps == bpy.context.scene.render.fps
    shown = session.question.takes
    bpy.ops.facewright.rank_act(action="TAKE_1")
    bpy.ops.facewright.rank_act(action="TIE")
    sitting.note("  lips   late ")
    bpy.ops.facewright.rank_act(action="BAD")
    with Store.open(data / "votes", read_only=True) as store:
        votes = list(store.votes())
        assert [v.ranks for v in votes] == [(1, 0), (0, 0), (0, 0)] and votes[2].both_bad and votes[2].note == "lips late"
        assert votes[0].takes == shown
        take = store.takes([shown[0]])[shown[0]]
        assert store.curves_path(take).is_file()
        assert take.clip_name == "speech.wav" and take.camera == "face" and take.rig == session.maker.look.rig
    bpy.ops.facewright.rank_act(action="UNDO")
    with Store.open(data / "votes", read_only=True) as store:
        assert len(list(store.votes())) == 2
    work = session.source.folder
    bpy.ops.facewright.rank_end()
    assert sitting.current() is None and not work.exists()
    assert not [p for p in films.folder(data).iterdir() if p.name.startswith(".")]
    assert state() == before


@pytest.mark.slow
@needs_workbench
def test_films_of_one_sitting_are_not_shown_in_another(face, settings, small, worker, sound, data, monkeypatch):
    drawn = functools.partialmethod(films.FilmMaker.open, smooth=False)  # else the load of the machine would decide, each time anew
    monkeypatch.setattr(films.FilmMaker, "open", drawn)
    settings.sound = sound()
    small.differ, small.count = "JAW", 2
    session = start()
    until(lambda: session.films() is not None)
    assert len(session.maker.made_seconds) == 2
    bpy.ops.facewright.rank_end()
    session = start()
    until(lambda: session.films() is not None)
    assert len(session.maker.made_seconds) == 2, "whatever was changed meanwhile, no stale film stands beside a new one"


def test_each_reason_says_what_to_do(addon, settings):
    assert Start.disabled_reason(bpy.context).startswith("Select a character")


def test_reasons_with_a_face(face, settings, worker, sound):
    assert "Choose the sound" in Start.disabled_reason(bpy.context)
    settings.sound = sound()
    assert Start.disabled_reason(bpy.context) == ""


def test_trouble_of_the_worker_is_a_sentence_and_leaves_nothing(face, settings, small, worker, sound, data):
    settings.sound = sound("trouble")
    before = state()
    with pytest.raises(RuntimeError, match="The sound is silent"):
        bpy.ops.facewright.rank_start()
    assert sitting.current() is None and jobs.outcome("ranking").kind == "failed"
    assert not [p for p in films.folder(data).iterdir()]
    assert state() == before


def test_cancel_leaves_nothing(face, settings, small, worker, sound, data):
    settings.sound = sound("slow")
    work = Start.begin(None, bpy.context)
    jobs.start("ranking", "Make Takes", work.task, work.finish, work.clean_up)
    time.sleep(0.3)
    jobs.tick()
    jobs.cancel()
    end = time.monotonic() + 10
    while jobs.tick() is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert sitting.current() is None
    assert not [p for p in films.folder(data).iterdir()]


def test_takes_that_look_alike_are_not_asked_about(face, settings, small, worker, sound):
    settings.sound = sound("same")
    session = start()
    assert session.question is None
    assert "differ too little" in jobs.outcome("ranking").lines[0]


def test_a_line_goes_on_while_it_is_judged(face, settings, small, worker, sound, tmp_path):
    settings.sound = long_sound(tmp_path, "speech", 6)
    small.where, small.length, small.count, small.differ = "LINE", 2.0, 2, "JAW"
    session = start()
    assert session.sitting.left == 1
    until(lambda: session.sitting.left == 3)
    spans = {(t.take.start, t.take.end) for t in session.source.made.values()}
    assert sorted(spans) == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    for question in session.sitting.ahead(3):
        assert len({session.takes[take].take.start for take in question.takes}) == 1, "takes of one stretch are compared"


def test_a_sound_that_is_no_wav_is_cut_once_the_worker_knows_its_length(face, settings, small, worker, tmp_path):
    (tmp_path / "speech.mp3").write_bytes(b"the stand-in reads no sound")
    settings.sound = str(tmp_path / "speech.mp3")
    small.where, small.length, small.count, small.differ = "LINE", 2.0, 2, "JAW"
    session = start()
    until(lambda: session.sitting.left == 3)
    assert sorted({t.take.start for t in session.source.made.values()}) == [0.0, 2.0, 4.0]


def test_trouble_later_in_the_line_keeps_what_is_there(face, settings, small, worker, sound, tmp_path):
    settings.sound = long_sound(tmp_path, "later", 6)
    small.where, small.differ = "LINE", "JAW"
    with pytest.MonkeyPatch.context() as patch:
        from facewright.scene import take_source

        patch.setattr(take_source, "in_turn", lambda cuts, seed: take_source.deque(cuts))
        session = start()
    until(lambda: "silent there" in session.message)
    assert session.question is not None and not session.source.cuts


def long_sound(folder, name, seconds):
    import wave

    path = folder / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((np.random.default_rng(0).normal(0, 3000, 16000 * seconds)).astype("<i2").tobytes())
    return str(path)


def test_a_full_disk_keeps_the_question(face, settings, small, worker, sound, monkeypatch):
    from facewright.core.errors import UserError

    settings.sound = sound()
    session = start()
    asked = session.question

    def full(*_):
        raise UserError("Cannot write votes: the disk is full.", "Free some space.")

    monkeypatch.setattr(session.store, "add_vote", full)
    with pytest.raises(RuntimeError, match="disk is full"):
        bpy.ops.facewright.rank_act(action="TIE")
    assert session.question == asked and session.sitting.counter.votes == 0


def test_a_vote_with_the_panels_buttons_has_its_time(face, settings, small, worker, sound, monkeypatch):
    settings.sound = sound()
    session = start()
    at = [100.0]
    monkeypatch.setattr(sitting, "CLOCK", lambda: at[0])
    monkeypatch.setattr(session, "films", lambda: [])  # they are ready; what they show is not asked here
    sitting.tick()
    at[0] = 104.5
    sitting.tick()
    bpy.ops.facewright.rank_act(action="TAKE_0")
    assert session.sitting.votes[-1].milliseconds == 4500


def test_trouble_in_a_sitting_is_told_and_the_sitting_goes_on(face, settings, small, worker, sound, tmp_path, monkeypatch):
    settings.sound = long_sound(tmp_path, "speech", 6)
    small.where, small.length, small.count, small.differ = "LINE", 2.0, 2, "JAW"
    session = start()
    worker.close()
    until(lambda: "was closed" in session.message)
    assert session.question is not None and not session.source.busy

    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(session.maker, "poll", broken)
    assert sitting.tick() == sitting.TICK_SECONDS and "a bug" in session.message
    assert bpy.ops.facewright.rank_act(action="TIE") == {"FINISHED"}


def test_the_runtime_stays_while_a_sitting_needs_it(face, settings, small, worker, sound):
    from facewright.operators.setup_runtime import FACEWRIGHT_OT_setup_runtime as SetUp

    settings.sound = sound()
    start()
    assert "A sitting is open" in SetUp.disabled_reason(bpy.context) or not bpy.app.online_access
    sitting.end()
    assert "sitting" not in SetUp.disabled_reason(bpy.context)


def test_takes_are_spoken_as_the_panel_says(face, settings, small, worker, sound):
    settings.sound = sound()
    settings.asymmetry = 0.7
    session = start()
    from facewright.settings.scene import performance

    said = performance(settings)
    assert said["asymmetry"] == pytest.approx(0.7)
    assert {name: session.source.brief.params[name] for name in ("style", "asymmetry", "person", "life")} == {
        name: said[name] for name in ("style", "asymmetry", "person", "life")
    }


def test_a_vote_that_cannot_be_retracted_still_counts(face, settings, small, worker, sound, monkeypatch):
    from facewright.core.errors import UserError

    settings.sound = sound()
    session = start()
    bpy.ops.facewright.rank_act(action="TIE")

    def full(*_):
        raise UserError("Cannot write votes: the disk is full.", "Free some space.")

    monkeypatch.setattr(session.store, "retract", full)
    with pytest.raises(RuntimeError, match="disk is full"):
        bpy.ops.facewright.rank_act(action="UNDO")
    assert session.sitting.counter.votes == 1


def test_saving_closes_the_player_and_not_the_sitting(face, settings, small, worker, sound, tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(sitting, "_closers", [lambda: closed.append(True)])
    settings.sound = sound()
    start()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "mine.blend"), copy=True)
    assert closed == [True] and sitting.current() is not None
    sitting.end()
    assert sitting.close_player not in bpy.app.handlers.save_pre


def test_a_key_that_comes_before_the_next_films_casts_no_vote(face, settings, small, worker, sound):
    from facewright.scene import player

    settings.sound = sound()
    session = start()
    shown = player.Player.__new__(player.Player)  # its area needs a window; answers do not
    shown.ended, shown._films, shown._question, shown._area, shown._window = False, [], session.question, 0, 0
    shown.act("take 0")
    shown.act("take 0")
    assert session.sitting.counter.votes == 1


def test_another_file_ends_the_sitting(face, settings, small, worker, sound):
    settings.sound = sound()
    session = start()
    work = session.source.folder
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert sitting.current() is None and not work.exists()


def test_four_are_ranked_by_clicks(face, settings, small, worker, sound):
    settings.sound = sound()
    small.shown = "4"
    session = start()
    assert len(session.question.takes) == 4
    assert sitting.place(2) == "1 of 4 placed: click the best of the rest."
    sitting.place(0)
    sitting.place(0)
    assert session.order == (2,), "a second click takes it back"
    sitting.place(3)
    bpy.ops.facewright.rank_act(action="TAKE_0")
    assert session.sitting.votes[-1].ranks == (2, 3, 0, 1)


def test_a_suggestion_reaches_the_sliders(addon, settings, worker, monkeypatch):
    monkeypatch.setattr(learning, "current", lambda folder: learning.Known(folder, votes=7))
    settings.articulation = 1.5
    assert bpy.ops.facewright.suggest_controls() == {"FINISHED"}
    assert (settings.jaw, settings.lips, settings.articulation) == (1.25, 0.5, 1.5)
    assert jobs.outcome("learning").lines[0] == "From 7 votes: jaw 1.25 (± 0.10), lips 0.50."


def test_the_gates_verdict_is_told_in_sentences(addon, settings, worker, monkeypatch):
    monkeypatch.setattr(learning, "current", lambda folder: learning.Known(folder, votes=120))
    assert bpy.ops.facewright.finetune() == {"FINISHED"}
    said = jobs.outcome("learning").lines
    assert said[0] == "The adapter has not passed yet. Test it in the list below."
    assert said[1:] == ("Lips close on 5 % fewer P, B and M.", "40 more votes would help.", "2 votes were left out.")


def adapter(data, name):
    """A file that reads as an adapter; the stand-in worker looks no further."""
    import json

    from facewright.preference.adapters import Card

    header = json.dumps({"__metadata__": Card(name, "speech", "ab" * 32, ("jawOpen",), votes=30).to_metadata()}).encode()
    folder = data / "adapters"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_a_test_compares_the_same_take_with_and_without_the_adapter(face, settings, small, worker, sound, data):
    settings.sound = sound()
    adapter(data, "mine")
    assert bpy.ops.facewright.rank_start(adapter="mine.safetensors") == {"FINISHED"}
    session = sitting.current()
    assert session.sitting.left == 3
    for question in session.sitting.ahead(3):
        one, other = (session.takes[take].take for take in question.takes)
        assert {bool(one.adapter), bool(other.adapter)} == {True, False}
        assert (one.seed, one.controls, one.variation) == (other.seed, other.controls, other.variation)
    bpy.ops.facewright.rank_end()
    assert bpy.ops.facewright.adapter_gate(name="mine.safetensors") == {"FINISHED"}
    assert jobs.outcome("learning").lines[:2] == (
        "The adapter passed: use it in the list below.",
        "It won 80% of 20 fresh blind comparisons (60% to 92%).",
    )


def test_a_test_that_ends_while_a_job_runs_says_when_to_count(face, settings, small, worker, sound, data, monkeypatch):
    settings.sound = sound()
    adapter(data, "mine")
    bpy.ops.facewright.rank_start(adapter="mine.safetensors")
    monkeypatch.setattr(jobs, "busy_reason", lambda: "'Bake Speech' is running. Wait for it or cancel it.")
    assert bpy.ops.facewright.rank_end() == {"FINISHED"}
    assert jobs.outcome("ranking").lines[0].endswith("Wait for it or cancel it. Then press Count beside the adapter.")


def test_the_adapter_in_use_reaches_takes_and_bakes(face, settings, small, worker, sound, data):
    from facewright.operators.adapters import in_use

    assert in_use(bpy.context) == {}
    path = adapter(data, "mine")
    bpy.ops.facewright.adapter_use(name=path.name)
    settings.ranking.adapter_strength = 0.5
    assert in_use(bpy.context) == {"adapter": str(path), "adapter_strength": 0.5}
    settings.sound = sound()
    session = start()
    assert {t.take.adapter_strength for t in session.takes.values()} == {0.5}
    bpy.ops.facewright.rank_end()
    assert learning.read(data).active == {"speech": "mine.safetensors"}
    bpy.ops.facewright.adapter_roll_back()
    assert in_use(bpy.context) == {}
    with pytest.raises(RuntimeError, match="no adapter 'other'"):
        bpy.ops.facewright.adapter_use(name="other")


def test_an_adapter_that_is_taken_off_is_moved_aside_and_not_in_use(addon, data):
    path = adapter(data, "mine")
    bpy.ops.facewright.adapter_use(name=path.name)
    bpy.ops.facewright.adapter_remove(name=path.name)
    assert not path.exists() and (path.parent / "removed" / path.name).is_file()
    assert learning.read(data).adapters == () and learning.read(data).active == {}


def test_adapters_go_out_and_come_in(addon, data, tmp_path):
    path = adapter(data, "mine")
    bpy.ops.facewright.adapter_export(filepath=str(tmp_path / "shared.safetensors"), name=path.name)
    bpy.ops.facewright.adapter_remove(name=path.name)
    bpy.ops.facewright.adapter_import(filepath=str(tmp_path / "shared.safetensors"))
    assert [s.card.name for s in learning.read(data).adapters] == ["mine"]
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match="is no adapter"):
        bpy.ops.facewright.adapter_import(filepath=str(tmp_path / "no.safetensors"))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".zip"])
def test_votes_go_out_and_come_back_once(face, settings, small, worker, sound, data, tmp_path, suffix):
    settings.sound = sound()
    with pytest.raises(RuntimeError, match="no votes on this computer"):
        bpy.ops.facewright.votes_export(filepath=str(tmp_path / "none.jsonl"))
    start()
    for action in ("TAKE_0", "TIE", "TAKE_1"):
        bpy.ops.facewright.rank_act(action=action)
    bpy.ops.facewright.rank_end()
    target = tmp_path / f"votes{suffix}"
    bpy.ops.facewright.votes_export(filepath=str(target), format=suffix)
    assert target.is_file() and "Wrote" in jobs.outcome("learning").lines[0]
    bpy.ops.facewright.votes_import(filepath=str(target))
    assert "0 new votes" in jobs.outcome("learning").lines[0] and "3 known already" in jobs.outcome("learning").lines[0]
    assert learning.read(data).votes == 3


def test_an_unreachable_server_is_a_sentence(face, settings, small, worker, sound, data, monkeypatch):
    from facewright.operators import votes_files

    Sync = votes_files.FACEWRIGHT_OT_votes_sync
    assert Sync.disabled_reason(bpy.context) == "Set the studio server in the preferences first."
    settings.sound = sound()
    start()
    bpy.ops.facewright.rank_act(action="TIE")
    bpy.ops.facewright.rank_end()
    monkeypatch.setattr(votes_files, "server", lambda context: "postgresql://ann:secret@127.0.0.1:1/votes")
    monkeypatch.setattr(bpy.context.preferences.system, "use_online_access", True)
    with pytest.raises(RuntimeError) as told:
        bpy.ops.facewright.votes_sync()
    assert "Traceback" not in str(told.value) and len(str(told.value)) > 20
    assert jobs.outcome("learning").kind == "failed"


def test_with_enough_votes_the_worker_orders_the_pairs(face, settings, small, worker, sound, tmp_path, monkeypatch):
    settings.sound = long_sound(tmp_path, "speech", 6)
    small.where, small.length, small.count, small.differ = "LINE", 2.0, 3, "JAW"
    monkeypatch.setattr(learning, "TENS", 0)
    session = start()
    until(lambda: len(session.source.groups) == 3 and not session.source.busy)
    ids = list(session.source.groups[1])
    asked = [set(pair) for pair in session.sitting._pairs]
    first = next(pair for pair in asked if pair <= set(ids))
    assert first == {ids[1], ids[2]}, "the stand-in finds the last pair most telling"


def test_votes_are_known_at_once_where_no_timer_fires(face, settings, small, worker, sound, data):
    from facewright.operators.learn import votes_reason

    assert votes_reason(bpy.context, 1).startswith("0 of the 1 votes")
    settings.sound = sound()
    start()
    bpy.ops.facewright.rank_act(action="TIE")
    bpy.ops.facewright.rank_end()
    learning.changed()
    assert votes_reason(bpy.context, 1) == ""


def test_votes_that_are_not_read_yet_are_not_told_as_none(addon, monkeypatch):
    from facewright.operators.learn import votes_reason

    monkeypatch.setattr(learning, "current", lambda folder: None)
    assert votes_reason(bpy.context, 5) == "The votes are being read: try again in a moment."


def test_too_few_votes_are_counted_aloud(addon, settings, worker, monkeypatch):
    from facewright.operators.learn import FACEWRIGHT_OT_finetune, FACEWRIGHT_OT_suggest_controls

    monkeypatch.setattr(learning, "current", lambda folder: learning.Known(folder, votes=3))
    assert FACEWRIGHT_OT_suggest_controls.disabled_reason(bpy.context) == "3 of the 5 votes that this needs: compare more takes."
    assert FACEWRIGHT_OT_finetune.disabled_reason(bpy.context).startswith("3 of the 100 votes")


