# SPDX-License-Identifier: GPL-3.0-or-later
"""A copied scene set up to film takes: opened from a library file, lit and framed, one take after another baked on and rendered.

Only for the process that ``film_child`` runs: it changes everything it touches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..inference import curves_file
from . import actions_compat, bake, face_view, render, tags
from .film_child import JPEG_QUALITY, SMOOTH_SECONDS

COARSE_SAMPLES = 6  # of the shading of creases, without a graphics card: 16 take a third of a frame's time
EEVEE_SAMPLES, CYCLES_SAMPLES = 16, 16  # with denoising, enough to judge a mouth by


class Studio:
    """The open scene. ``size`` is (width, height) of every frame; ``smooth`` whether edges are smoothed; ``split`` is the latest film's.

    order: {scene: library file (deleted once read), name: the scene's, objects: names, camera: "FACE"|"SCENE",
    engine: "WORKBENCH"|"EEVEE"|"CYCLES", size: pixels of the longer side, smooth: None to measure}
    """

    def __init__(self, order: dict):
        path = Path(order["scene"])
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        try:
            with bpy.data.libraries.load(str(path), link=False) as (_there, wanted):
                wanted.scenes = [order["name"]]
        except OSError as error:
            raise UserError(f"The copy of the scene could not be opened: {error}.", "Try again.") from error
        finally:
            path.unlink(missing_ok=True)  # it is in memory now, and must not outlive a crash
        self.scene = scene = wanted.scenes[0]
        for window in bpy.context.window_manager.windows:
            window.scene = scene
        present = {obj.name: obj for obj in scene.objects}
        self.objects = [present[name] for name in order["objects"] if name in present]
        if not self.objects:
            raise UserError("The character is not in the scene that is to be rendered.", "Select it and start again.")
        self.own_camera = order["camera"] == "SCENE" and scene.camera is not None
        if not self.own_camera:
            for marker in scene.timeline_markers:  # one that binds a camera would take the face's place at every frame
                marker.camera = None
        self.size = self._set_up(order["engine"], int(order["size"]))
        self.split = 0.5
        self.smooth = order["smooth"]
        if self.smooth is None:
            self.smooth = order["engine"] != "WORKBENCH" or self._smooth_is_quick()
        scene.display.render_aa = "FXAA" if self.smooth else "OFF"
        if not self.smooth:
            scene.display.matcap_ssao_samples = COARSE_SAMPLES

    def _set_up(self, engine: str, longest: int) -> tuple[int, int]:
        scene, settings = self.scene, self.scene.render
        if engine == "WORKBENCH":
            render.use_engine(scene, "WORKBENCH")
        elif engine == "CYCLES":
            render.use_engine(scene, "CYCLES")
            scene.cycles.samples = CYCLES_SAMPLES
        else:
            settings.engine = "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
            scene.eevee.taa_render_samples = EEVEE_SAMPLES
        width, height = settings.resolution_x * settings.pixel_aspect_x, settings.resolution_y * settings.pixel_aspect_y
        settings.pixel_aspect_x = settings.pixel_aspect_y = 1
        if not self.own_camera:
            width = height = 1
        scale = longest / max(width, height)
        size = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
        settings.resolution_x, settings.resolution_y = size
        settings.resolution_percentage = 100
        settings.use_border = settings.use_sequencer = settings.use_compositing = settings.use_stamp = False
        settings.use_freestyle = settings.use_motion_blur = False
        settings.use_overwrite, settings.use_placeholder = True, False
        settings.use_simplify = True
        settings.simplify_subdivision_render = 0 if engine == "WORKBENCH" else 1  # at 384 pixels nobody sees the difference
        settings.film_transparent = False
        settings.use_persistent_data = True  # what does not move is not prepared again for every frame
        settings.use_multiview = False
        image = settings.image_settings
        if hasattr(image, "media_type"):  # from Blender 5
            image.media_type = "IMAGE"
        image.file_format, image.color_mode, image.quality = "JPEG", "RGB", JPEG_QUALITY
        settings.use_file_extension = False
        return size

    def _smooth_is_quick(self) -> bool:
        """Draws three times, of which the first also compiles shaders."""
        if self.scene.camera is None:
            face_view.aim(self.scene, self.objects, (self.scene.frame_current,))
        self.scene.display.render_aa = "FXAA"
        took = []
        for _ in range(3):
            began = time.perf_counter()
            bpy.ops.render.render(scene=self.scene.name)
            took.append(time.perf_counter() - began)
        return max(took[1:]) <= SMOOTH_SECONDS

    def film(self, order: dict) -> Iterator[int]:
        """Render one take and yield the number of frames that are done, each time there is one more.

        order: {curves: npz, time 0 at ``frame``; frame: the scene's; frames: how many; step: scene frames to a film's; out: an existing
        folder}. Frames are named 0001.jpg and so on.
        """
        frames = [order["frame"] + i * order["step"] for i in range(order["frames"])]
        plan = bake.plan(self.objects, curves_file.load(order["curves"]), bake.BakeOptions(start_frame=order["frame"], keys="DENSE"))
        bake.apply(plan, self.scene)
        for target in plan.targets:
            _give_way(target.key)
        if not self.own_camera:
            face_view.aim(self.scene, self.objects, dict.fromkeys((frames[0], frames[len(frames) // 2], frames[-1])))
        self.scene.frame_set(frames[len(frames) // 2])
        self.split = face_view.split(self.scene, self.objects)
        for number, frame in enumerate(frames, 1):
            self.scene.frame_set(frame)
            path = Path(order["out"]) / f"{number:04d}.jpg"
            self.scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True, scene=self.scene.name)
            if not path.is_file():
                raise UserError(f"The picture {path} could not be written.", "Free some space on the disk.")
            yield number


def _give_way(key: bpy.types.Key) -> None:
    """Mute what the artist's own animation would lay over the take's channels: every take would look the same."""
    adt, ours = key.animation_data, tags.our_actions(key)
    if adt is None or adt.action is None or adt.action in ours:
        return
    paths = {fcurve.data_path for action in ours for fcurve in actions_compat.fcurves(action)}
    for fcurve in actions_compat.fcurves(adt.action):
        fcurve.mute |= fcurve.data_path in paths
    if not adt.use_nla:  # the take is on a track there; the artist's tracks stay as unseen as they were
        for track in adt.nla_tracks:
            track.mute |= not any(strip.action in ours for strip in track.strips)
        adt.use_nla = True
