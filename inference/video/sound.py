# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound track of a video as a WAV file that the speech engine reads, on the picture's clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from ..speech.audio import SAMPLE_RATE
from .frames import decoded, opened

# Seconds by which a packet's time may stray from the sound before it; more is a hole, and silence is put in.
_HOLE: Final = 0.08


def extract(path: Path, out: Path, seconds: float, on_block: Callable[[float], None] = lambda time: None) -> bool:
    """Write the first sound track to ``out`` (WAV, 16 kHz, mono); False where there is none that decodes, and then nothing is written.

    Time 0 is that of ``frames.Pictures``: sound that starts later gets silence before it. No more than ``seconds`` is taken.
    on_block(time) is called often and may raise ``Cancelled``. Raises UserError as ``Pictures`` does.
    """
    import av
    import soundfile

    with opened(Path(path)) as (container, _):
        stream = next((s for s in container.streams.audio if s.codec_context is not None), None)
        if stream is None:
            return False
        start = (container.start_time or 0) / 1e6
        most, written = int(seconds * SAMPLE_RATE), 0
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        with soundfile.SoundFile(out, "w", SAMPLE_RATE, 1, "PCM_16", format="WAV") as wav:
            for frame in decoded(container, stream):
                if frame is None:
                    continue
                ahead = round((frame.time - start) * SAMPLE_RATE) - written if frame.time is not None else 0
                frame.pts = None  # holes are ours to fill
                try:
                    blocks = [block.to_ndarray().reshape(-1) for block in resampler.resample(frame)]
                except (ValueError, av.error.FFmpegError):  # rate or channels changed on the way
                    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
                    blocks = [block.to_ndarray().reshape(-1) for block in resampler.resample(frame)]
                if ahead > _HOLE * SAMPLE_RATE:
                    written += _write(wav, np.zeros(min(ahead, most - written), np.float32))
                elif written == 0 and ahead < 0:  # what players skip
                    blocks = [np.concatenate([*blocks, np.zeros(0, np.float32)])[-ahead:]]
                for block in blocks:
                    written += _write(wav, block[: most - written])
                on_block(written / SAMPLE_RATE)
                if written >= most:
                    break
            for block in resampler.resample(None) if written < most else []:
                written += _write(wav, block.to_ndarray().reshape(-1)[: most - written])
    if not written:
        out.unlink(missing_ok=True)
    return written > 0


def _write(wav, samples: np.ndarray) -> int:
    wav.write(np.clip(np.nan_to_num(samples), -1, 1))
    return len(samples)
