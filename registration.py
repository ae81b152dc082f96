# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything Blender is told about, in one ordered list; unregistering is its mirror."""
from __future__ import annotations

import atexit

import bpy

from .operators import file_handlers, menus
from .operators.adapters import (
    FACEWRIGHT_OT_adapter_blend,
    FACEWRIGHT_OT_adapter_export,
    FACEWRIGHT_OT_adapter_import,
    FACEWRIGHT_OT_adapter_remove,
    FACEWRIGHT_OT_adapter_roll_back,
    FACEWRIGHT_OT_adapter_use,
)
from .operators.add_demo_head import FACEWRIGHT_OT_add_demo_head
from .operators.bake_speech import FACEWRIGHT_OT_bake_speech
from .operators.bake_video import FACEWRIGHT_OT_bake_video
from .operators.cancel_job import FACEWRIGHT_OT_cancel_job
from .operators.check_runtime import FACEWRIGHT_OT_check_runtime
from .operators.drop_sound import FACEWRIGHT_OT_drop_sound
from .operators.drop_video import FACEWRIGHT_OT_drop_video
from .operators.export_curves import FACEWRIGHT_OT_export_curves
from .operators.import_curves import FACEWRIGHT_OT_import_curves
from .operators.learn import FACEWRIGHT_OT_adapter_gate, FACEWRIGHT_OT_finetune, FACEWRIGHT_OT_suggest_controls
from .operators.phoneme_edit import FACEWRIGHT_OT_phoneme_edit
from .operators.phoneme_files import FACEWRIGHT_OT_export_phonemes, FACEWRIGHT_OT_import_phonemes
from .operators.phoneme_markers import FACEWRIGHT_OT_phoneme_markers
from .operators.phoneme_word import FACEWRIGHT_OT_phoneme_word
from .operators.pose_image import FACEWRIGHT_OT_pose_image
from .operators.rank_act import (
    FACEWRIGHT_OT_rank_act,
    FACEWRIGHT_OT_rank_end,
    FACEWRIGHT_OT_rank_note,
    FACEWRIGHT_OT_rank_retract,
)
from .operators.rank_play import FACEWRIGHT_OT_rank_play
from .operators.rank_start import FACEWRIGHT_OT_rank_start
from .operators.redrive_face import FACEWRIGHT_OT_redrive_face
from .operators.remove_bake import FACEWRIGHT_OT_remove_bake
from .operators.retake import FACEWRIGHT_OT_retake
from .operators.setup_runtime import FACEWRIGHT_OT_setup_runtime
from .operators.show_details import FACEWRIGHT_OT_show_details
from .operators.votes_files import FACEWRIGHT_OT_votes_export, FACEWRIGHT_OT_votes_import, FACEWRIGHT_OT_votes_sync
from .panels.adapters import FACEWRIGHT_PT_adapters, FACEWRIGHT_PT_learn
from .panels.bake_settings import FACEWRIGHT_PT_bake_settings
from .panels.character import FACEWRIGHT_PT_character
from .panels.emotion import FACEWRIGHT_PT_emotion
from .panels.interchange import FACEWRIGHT_PT_interchange
from .panels.phonemes import (
    FACEWRIGHT_PT_phoneme_tools,
    FACEWRIGHT_PT_phonemes,
    FACEWRIGHT_PT_retake,
    FACEWRIGHT_UL_phones,
    FACEWRIGHT_UL_words,
)
from .panels.ranking import FACEWRIGHT_PT_ranking
from .panels.speech import FACEWRIGHT_PT_speech
from .panels.video import FACEWRIGHT_PT_video, FACEWRIGHT_PT_video_settings
from .preferences import FacewrightPreferences
from .scene import jobs, learning, runtime_status, sitting
from .settings import take
from .settings.emotion import FacewrightEmotionSettings
from .settings.ranking import FacewrightRankingSettings
from .settings.scene import FacewrightSceneSettings, FacewrightVideoSettings

CLASSES = (
    FacewrightPreferences,
    *take.CLASSES,
    FacewrightEmotionSettings,
    FacewrightRankingSettings,  # part of the next but one: before it
    FacewrightVideoSettings,  # part of the next: before it
    FacewrightSceneSettings,
    FACEWRIGHT_OT_bake_speech,
    FACEWRIGHT_OT_bake_video,
    FACEWRIGHT_OT_pose_image,
    FACEWRIGHT_OT_cancel_job,
    FACEWRIGHT_OT_add_demo_head,
    FACEWRIGHT_OT_remove_bake,
    FACEWRIGHT_OT_import_curves,
    FACEWRIGHT_OT_export_curves,
    FACEWRIGHT_OT_drop_sound,
    FACEWRIGHT_OT_drop_video,
    FACEWRIGHT_OT_check_runtime,
    FACEWRIGHT_OT_phoneme_edit,
    FACEWRIGHT_OT_phoneme_word,
    FACEWRIGHT_OT_phoneme_markers,
    FACEWRIGHT_OT_import_phonemes,
    FACEWRIGHT_OT_export_phonemes,
    FACEWRIGHT_OT_redrive_face,
    FACEWRIGHT_OT_retake,
    FACEWRIGHT_OT_setup_runtime,
    FACEWRIGHT_OT_show_details,
    FACEWRIGHT_OT_rank_start,
    FACEWRIGHT_OT_rank_play,
    FACEWRIGHT_OT_rank_act,
    FACEWRIGHT_OT_rank_note,
    FACEWRIGHT_OT_rank_retract,
    FACEWRIGHT_OT_rank_end,
    FACEWRIGHT_OT_suggest_controls,
    FACEWRIGHT_OT_finetune,
    FACEWRIGHT_OT_adapter_gate,
    FACEWRIGHT_OT_adapter_use,
    FACEWRIGHT_OT_adapter_roll_back,
    FACEWRIGHT_OT_adapter_remove,
    FACEWRIGHT_OT_adapter_import,
    FACEWRIGHT_OT_adapter_export,
    FACEWRIGHT_OT_adapter_blend,
    FACEWRIGHT_OT_votes_export,
    FACEWRIGHT_OT_votes_import,
    FACEWRIGHT_OT_votes_sync,
    file_handlers.FACEWRIGHT_FH_sound,
    file_handlers.FACEWRIGHT_FH_video,
    file_handlers.FACEWRIGHT_FH_curves,
    FACEWRIGHT_PT_speech,
    FACEWRIGHT_PT_emotion,  # a child: after its parent
    FACEWRIGHT_PT_bake_settings,
    FACEWRIGHT_UL_words,
    FACEWRIGHT_UL_phones,
    FACEWRIGHT_PT_phonemes,
    FACEWRIGHT_PT_phoneme_tools,
    FACEWRIGHT_PT_retake,
    FACEWRIGHT_PT_video,
    FACEWRIGHT_PT_video_settings,
    FACEWRIGHT_PT_character,
    FACEWRIGHT_PT_interchange,
    FACEWRIGHT_PT_ranking,
    FACEWRIGHT_PT_learn,
    FACEWRIGHT_PT_adapters,  # a child: after its parent
)
MENUS = (
    (bpy.types.TOPBAR_MT_file_import, menus.import_entry),
    (bpy.types.TOPBAR_MT_file_export, menus.export_entry),
)
BEFORE_LOAD = (sitting.end_before_load, jobs.stop_before_load)

_commands: list = []  # handles of 'blender -c' commands
_registered = False


def register() -> None:
    global _registered
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.facewright = bpy.props.PointerProperty(type=FacewrightSceneSettings)
    take.register_on_actions()
    for menu, entry in MENUS:
        menu.append(entry)
    bpy.app.handlers.load_pre.extend(BEFORE_LOAD)
    _commands.append(bpy.utils.register_cli_command("facewright", _command))
    # Blender 4.2 and 4.5 crash when the interpreter ends with classes registered (the bpy module does not disable add-ons).
    atexit.register(unregister)
    _registered = True


def unregister() -> None:
    global _registered
    if not _registered:
        return
    _registered = False
    atexit.unregister(unregister)
    sitting.end()
    jobs.shut_down()
    runtime_status.forget()
    learning.forget()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    for handler in BEFORE_LOAD:
        bpy.app.handlers.load_pre.remove(handler)
    for menu, entry in reversed(MENUS):
        menu.remove(entry)
    take.unregister_from_actions()
    del bpy.types.Scene.facewright
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)


def _command(arguments: list[str]) -> int:
    """``blender -c facewright VERB ...``: the shell's verbs."""
    from . import cli, preferences
    from .cli.work import Seat

    chosen = preferences.settings(bpy.context)
    return cli.main(arguments, Seat(chosen.python, chosen.data_folder, chosen.device))
