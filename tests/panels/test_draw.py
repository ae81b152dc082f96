# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel draws in every state, and its words say what to do next. A stand-in layout notes what is drawn."""
import inspect
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from facewright import preferences, registration  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.panels.bake_settings import FACEWRIGHT_PT_bake_settings as BakeSettings  # noqa: E402
from facewright.panels.character import FACEWRIGHT_PT_character as Character  # noqa: E402
from facewright.panels.interchange import FACEWRIGHT_PT_interchange as Interchange  # noqa: E402
from facewright.panels.speech import FACEWRIGHT_PT_speech as Speech  # noqa: E402
from facewright.panels.video import FACEWRIGHT_PT_video as Video  # noqa: E402
from facewright.panels.video import FACEWRIGHT_PT_video_settings as VideoSettings  # noqa: E402
from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import jobs, runtime_status, tasks  # noqa: E402

pytestmark = pytest.mark.blender


class Layout:
    """Takes UILayout's calls and keeps the texts, property names and operator ids in ``drawn``."""

    def __init__(self, drawn=None):
        self.drawn = [] if drawn is None else drawn

    def _inner(self, **_options):
        return Layout(self.drawn)

    row = column = box = split = _inner

    def prop_search(self, owner, name, *_where, **_options):
        self.prop(owner, name)

    def separator(self, **_options):
        pass

    def label(self, text="", icon="NONE"):
        self.drawn.append(text)

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties, f"{name} is no property"
        self.drawn.append(name)

    def operator(self, idname, **_options):
        room, verb = idname.split(".")
        getattr(getattr(bpy.ops, room), verb).get_rna_type()  # raises where no such operator is registered
        self.drawn.append(idname)
        return SimpleNamespace()

    def progress(self, factor=0.0, text="", **_options):
        assert 0 <= factor <= 1
        self.drawn.append(text)


@pytest.fixture
def addon():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    registration.register()
    yield
    registration.unregister()


def draw(panel):
    layout = Layout()
    panel.draw(SimpleNamespace(layout=layout), bpy.context)
    return " ".join(layout.drawn)


def character(keys):
    obj = bpy.data.objects.new("Face", bpy.data.meshes.new("Face"))
    bpy.context.scene.collection.objects.link(obj)
    for key in ("Basis", *keys):
        obj.shape_key_add(name=key)
    obj.select_set(True)
    return obj


def test_nothing_selected_says_what_to_do_and_offers_the_head(addon):
    said = draw(Speech)
    assert "Select a character" in said and "facewright.add_demo_head" in said and "facewright.bake_speech" in said
    assert "Select every object" in draw(Character)


def test_a_full_character(addon):
    character(ARKIT_52)
    bpy.context.scene.facewright.sound = "speech.wav"
    assert "Select a character" not in draw(Speech)
    said = draw(Character)
    assert "52 of 52" in said and "Missing" not in said


def test_a_character_with_some(addon):
    character(("jawOpen", "MouthClose"))
    said = draw(Character)
    assert "2 of 52" in said and "Missing: eyeBlinkLeft" in said and "and 38 more" in said


def test_a_name_that_fits_twice_is_told(addon):
    character(("jaw_open", "JawOpen"))
    assert "Face: jaw_open is taken for jawOpen, not JawOpen." in draw(Character)


def test_a_character_with_none(addon):
    character(("Key 1",))
    assert "Name the shape keys as ARKit does" in draw(Character)


@pytest.mark.parametrize(("source", "field"), [("NONE", None), ("TYPED", "transcript"), ("FILE", "transcript_file")])
def test_the_transcripts_field_is_the_chosen_one(addon, source, field):
    bpy.context.scene.facewright.transcript_from = source
    fields = {"transcript", "transcript_file"} & set(draw(Speech).split())
    assert fields == ({field} if field else set())


def test_a_running_job_and_each_outcome(addon):
    import threading

    go_on = threading.Event()
    task = tasks.ThreadTask(lambda task: go_on.wait(10) and {})
    task.progress, task.stage, task.eta = 0.4, "Listening", 3.2
    jobs.start("speech", "Bake Speech", task, lambda result: jobs.Outcome("done", ("It is done.",)))
    said = draw(Speech)
    assert "40%" in said and "Listening, about 3 s left." in said and "facewright.cancel_job" in said
    assert "facewright.bake_speech" not in said
    assert "facewright.cancel_job" not in draw_preferences()
    go_on.set()
    task.wait()
    while jobs.tick() is not None:
        pass
    assert "It is done." in draw(Speech)
    jobs.set_outcome("speech", jobs.Outcome("failed", ("It failed.",), "details"))
    said = draw(Speech)
    assert "It failed." in said and "facewright.show_details" in said


def test_without_a_runtime_the_preferences_are_a_click_away(addon, monkeypatch, tmp_path):
    assert "preferences.addon_show" not in draw(Speech)
    monkeypatch.setenv("FACEWRIGHT_PYTHON", str(tmp_path / "nothing"))
    chosen = preferences.settings(bpy.context)
    with pytest.raises(UserError):
        runtime_status.find(chosen.python, chosen.data_folder)
    assert "preferences.addon_show" in draw(Speech)
    assert "FACEWRIGHT_PYTHON" in draw_preferences()


def test_settings_and_interchange(addon):
    said = draw(BakeSettings)
    for name in ("start_frame", "strength", "smoothing", "keys", "max_error", "place_sound"):
        assert name in said
    assert "facewright.import_curves" in draw(Interchange) and "facewright.export_curves" in draw(Interchange)


def test_video_panel(addon):
    chosen = bpy.context.scene.facewright.video
    said = draw(Video)
    assert "facewright.bake_video" in said and "facewright.pose_image" in said
    chosen.path = "//clip.mp4"
    assert "Select a character with shape keys" in draw(Video)
    said = draw(VideoSettings)
    for name in ("follow", "neutral_from", "smoothing", "mouth", "head", "gaze", "describe"):
        assert name in said
    chosen.gaze = "BONES"
    assert "Choose the armature as the head" in draw(VideoSettings)
    chosen.head = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(chosen.head)
    said = draw(VideoSettings)
    assert "head_bone" in said and "left_eye_bone" in said and "right_eye_bone" in said


def draw_preferences():
    layout = Layout()
    properties = preferences.FacewrightPreferences.bl_rna.properties
    chosen = SimpleNamespace(layout=layout, bl_rna=SimpleNamespace(properties=properties))
    preferences.FacewrightPreferences.draw(chosen, bpy.context)
    return " ".join(layout.drawn)


def test_preferences(addon):
    said = draw_preferences()
    assert "Press Check" in said and "facewright.check_runtime" in said and "facewright.setup_runtime" in said


def test_every_property_and_operator_describes_itself(addon):
    for name, prop in bpy.types.Scene.bl_rna.properties["facewright"].fixed_type.properties.items():
        assert name in {"rna_type", "name"} or prop.description, f"{name} has no description"
    for cls in registration.CLASSES:
        if issubclass(cls, bpy.types.Operator):
            assert getattr(cls, "bl_description", "") or "description" in vars(cls), cls
            assert inspect.signature(cls.disabled_reason).parameters.keys() == {"context"}
