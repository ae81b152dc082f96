# SPDX-License-Identifier: GPL-3.0-or-later
"""The Phonemes, Re-Take and Emotion panels draw in every state. The lists draw rows as Blender asks them to."""
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from facewright import registration  # noqa: E402
from facewright.inference.speech import phone_track  # noqa: E402
from facewright.inference.speech.phone_track import Phone, PhoneTrack, Word  # noqa: E402
from facewright.panels import phonemes as panel  # noqa: E402
from facewright.panels.emotion import FACEWRIGHT_PT_emotion as EmotionPanel  # noqa: E402
from facewright.scene import jobs, phonemes, tasks  # noqa: E402
from facewright.settings.emotion import EMOTIONS  # noqa: E402
from facewright.settings.take import PHONES  # noqa: E402

pytestmark = pytest.mark.blender


class Layout:
    """Takes UILayout's calls and keeps what is drawn; a list draws all of its rows."""

    def __init__(self, drawn=None):
        self.drawn = [] if drawn is None else drawn

    def _inner(self, **_options):
        return Layout(self.drawn)

    row = column = box = split = _inner

    def separator(self, **_options):
        pass

    def label(self, text="", icon="NONE"):
        self.drawn.append(f"{text}[{icon}]" if icon in ("PLAY", "ERROR") else text)

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties, f"{name} is no property"
        self.drawn.append(name)

    def operator(self, idname, **_options):
        room, verb = idname.split(".")
        getattr(getattr(bpy.ops, room), verb).get_rna_type()
        self.drawn.append(idname)
        return SimpleNamespace()

    def progress(self, factor=0.0, text="", **_options):
        self.drawn.append(text)

    def template_list(self, kind, _name, data, collection, active, index, **_options):
        draw_item = getattr(panel, kind).draw_item
        stand_in = SimpleNamespace(said=getattr(panel, kind).said)
        for item in getattr(data, collection):
            draw_item(stand_in, bpy.context, self, data, item, 0, active, index)


@pytest.fixture
def addon():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    registration.register()
    yield bpy.context.scene.facewright
    registration.unregister()


@pytest.fixture
def take(addon):
    """A selected face whose Action carries a track."""
    obj = bpy.data.objects.new("Face", bpy.data.meshes.new("Face"))
    bpy.context.scene.collection.objects.link(obj)
    for key in ("Basis", "jawOpen"):
        obj.shape_key_add(name=key)
    bpy.context.view_layer.update()
    obj.select_set(True)
    action = bpy.data.actions.new("Take")
    obj.data.shape_keys.animation_data_create().action = action
    track = PhoneTrack((Phone("M", 0.1, 0.3), Phone("AY", 0.3, 0.6, 1, 0.2)), (Word("my", 0.1, 0.6, 0.9),))
    phonemes.write(action, track)
    return action.facewright_take


def draw(cls):
    layout = Layout()
    stand_in = SimpleNamespace(layout=layout)
    for name in ("_draw_words", "_draw_word_field", "_draw_phones"):
        if hasattr(cls, name):
            setattr(stand_in, name, getattr(cls, name).__get__(stand_in))
    cls.draw(stand_in, bpy.context)
    return " ".join(layout.drawn)


def test_without_a_take_it_says_what_to_do(addon):
    said = draw(panel.FACEWRIGHT_PT_phonemes)
    assert "Bake speech onto the" in said and "redrive" not in said


def test_a_track(take):
    bpy.context.scene.frame_set(6)
    said = draw(panel.FACEWRIGHT_PT_phonemes)
    assert "1 words, 2 phones" in said and "facewright.redrive_face" in said
    assert "M[PLAY]" in said and "my[PLAY]" in said, "what is said now is marked"
    assert "20%[ERROR]" in said, "and what was heard faintly"
    assert "follow it yet" not in said and "label" in said and "frame_start" in said
    take.edited = True
    assert "follow it yet" in draw(panel.FACEWRIGHT_PT_phonemes)


def test_an_empty_track_and_one_without_words(take):
    phonemes.write(take.id_data, PhoneTrack((Phone("M", 0.1, 0.3),)))
    assert "0 words, 1 phones" in draw(panel.FACEWRIGHT_PT_phonemes)
    with pytest.raises(Exception, match="no words"):
        phonemes.chosen(phonemes.required(bpy.context), "word")


def test_a_word_that_could_not_be_said_is_told_while_it_is_in_the_field(take, addon):
    addon.phonemes.word = "..."
    jobs.set_outcome("phonemes", jobs.Outcome("failed", ("'...' cannot be said.",)))
    assert "cannot be said" in draw(panel.FACEWRIGHT_PT_phonemes)
    addon.phonemes.word = ""
    assert "cannot be said" not in draw(panel.FACEWRIGHT_PT_phonemes)


def test_a_running_look_up(take):
    import threading

    go_on = threading.Event()
    task = tasks.ThreadTask(lambda task: go_on.wait(10) and {})
    jobs.start("phonemes", "Change Word", task, lambda result: jobs.Outcome("done", ("Done.",)))
    assert "facewright.cancel_job" in draw(panel.FACEWRIGHT_PT_phonemes)
    go_on.set()
    task.wait()
    while jobs.tick() is not None:
        pass


def test_tools_retake_and_emotion(take):
    said = draw(panel.FACEWRIGHT_PT_phoneme_tools)
    assert "facewright.phoneme_markers" in said and "facewright.import_phonemes" in said and "facewright.export_phonemes" in said
    said = draw(panel.FACEWRIGHT_PT_retake)
    assert "facewright.retake" in said and "region" in said and "keep_edits" in said
    assert all(name in draw(EmotionPanel).split() for name in EMOTIONS)


def test_panels_and_models_name_the_same_things():
    assert {label for label, _ in PHONES} == phone_track.ARPABET
    assert [label for label, _ in PHONES[:15]] == list(phone_track.VOWELS), "vowels first: they have stress"
