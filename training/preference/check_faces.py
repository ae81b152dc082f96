# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clips that the gate checks image adapters on: rendered people whose truth is exact, as the shipped point network sees them.

    python entry.py training.preference.check_faces --corpora DIR

To be run again whenever ``weights/points.safetensors`` changes; new coefficients alone do not ask for it. Prints the model's own figures.
"""

from __future__ import annotations

import argparse

import torch

from ...inference.preference import image_check
from ...inference.video.networks import FaceNetworks
from .. import corpora
from . import faces

FIRST = 905_101  # held out (``training.faces.splits``), and no seed of any other measurement
COUNT, SECONDS = 5, 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    root = corpora.folder(parser.parse_args().corpora)
    torch.set_num_threads(1)
    networks = FaceNetworks("cpu")
    for path in image_check.FOLDER.glob(image_check.PATTERN):
        path.unlink()
    seed, total = FIRST, 0
    for number in range(COUNT):
        while (clip := faces.clip(seed, SECONDS, root, networks)) is None:
            seed += 1  # hair, a hand or a turned head hid the face for a moment
        path = image_check.FOLDER / f"face-{number + 1}.npz"
        clip.save(path)
        total += path.stat().st_size
        seed += 1
    print(f"{COUNT} clips of {SECONDS:g} s, {total} bytes")
    for name, value in image_check.figures(None).to_dict().items():
        print(f"  {name:18s} {value:.4f}")


if __name__ == "__main__":
    main()
