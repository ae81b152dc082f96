# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures Mandarin scripts on synthetic speech whose syllables have exact times: espeak-ng's pinyin voice says what pypinyin reads.

    python entry.py training.mandarin [--weights FILE]

There is no Mandarin recording with a transcript in the corpora. The voice never took part in training; it reads characters' pinyin with
tones, so that readings are not measured, but everything behind them is: phones, alignment, lips.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import torch

from ..inference.speech.align import MISMATCH, align
from ..inference.speech.closures import SEALED
from ..inference.speech.decode import decode
from ..inference.speech.features import SAMPLE_RATE
from ..inference.speech.generate import SpeechEngine, SpeechOptions, speech_to_curves
from ..inference.speech.lip_gap import TOUCHING, lip_gap
from ..inference.speech.phone_track import PhoneTrack
from ..inference.speech.weights_file import SHIPPED
from . import synthesise
from .align import log_posteriors

SENTENCES: Final = (
    "爸爸妈妈喜欢白色的小猫，弟弟不怕大风大雨。",
    "今天早上八点半，我坐公共汽车去学校。",
    "她用红色的毛笔画了一匹奔跑的马。",
    "请把门关上，外面的风太大了。",
    "银行的行长说，明年三月会很忙。",
    "绿色的雨伞放在图书馆的门口，没有人要。",
    "四只狮子吃了十个柿子，不知道是不是真的。",
    "我们一边唱歌一边跳舞，非常快乐。",
    "苹果、葡萄和香蕉都很便宜，朋友买了很多。",
    "这部动画片里的角色会说话，也会微笑。",
    "北风和太阳争论谁的本领大，他们谁也不服谁。",
    "老师问学生：你为什么没有做完作业？",
)  # fmt: skip
VOICES: Final = ("", "f2", "m3", "f5")
RATES: Final = (150, 190)  # words a minute in espeak-ng's counting: about 3.5 and 5 syllables a second

_WORD_EVENT: Final = 1
_PINYIN_VOICE: Final = "cmn-latn-pinyin"


class PinyinVoice(synthesise.Espeak):
    """espeak-ng reading pinyin, with the start of every syllable. Raises SystemExit where espeak-ng or the voice is not installed."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[int, float] = {}  # place of the syllable in the text -> s

    def _on_sound(self, samples, count: int, events) -> int:
        i = 0
        while events[i].type:
            place = events[i].text_position
            # After a pause an event may come twice; at a sound's end one of an earlier place comes again.
            if events[i].type == _WORD_EVENT and place >= max(self.starts, default=0):
                self.starts[place] = events[i].sample / self.rate
            i += 1
        return super()._on_sound(samples, count, events)

    def read(self, pinyin: str, variant: str, rate: int) -> tuple[np.ndarray, list[float]]:
        """(float32 [n] at 16 kHz, start of each syllable in s). pinyin: syllables with tone digits, blanks between, commas and stops."""
        voice = _PINYIN_VOICE + (f"+{variant}" if variant else "")
        if self.lib.espeak_SetVoiceByName(voice.encode()):
            raise SystemExit(f"espeak-ng has no voice {voice}: install Debian's espeak-ng-data package")
        self.lib.espeak_SetParameter(1, rate, 0)
        for kept in (self.pieces, self.events, self.starts):
            kept.clear()
        data = pinyin.encode() + b"\0"
        self.lib.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)
        self.lib.espeak_Synchronize()
        sound = synthesise._resample(np.concatenate(self.pieces) / 32768.0, self.rate)
        return sound, list(self.starts.values())


@dataclass(frozen=True)
class Reading:
    """One sentence in one voice: its script, sound at 16 kHz, and the start of each character's syllable (s)."""

    text: str
    sound: np.ndarray
    starts: tuple[float, ...]


def readings(voices=VOICES, rates=RATES, sentences=SENTENCES) -> Iterator[Reading]:
    """The sentences in every voice and rate."""
    from pypinyin import Style, lazy_pinyin

    voice = PinyinVoice()
    for text in sentences:
        syllables = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)
        pinyin = " ".join(syllables).translate(str.maketrans({"，": ",", "。": ".", "、": ",", "：": ",", "？": "?"}))
        for variant in voices:
            for rate in rates:
                sound, starts = voice.read(pinyin.replace(" ,", ",").replace(" .", ".").replace(" ?", "?"), variant, rate)
                yield Reading(text, sound, tuple(starts))


@dataclass(frozen=True)
class Figures:
    """What ``measure`` found.

    errors: |found - true| start of every syllable (s). deficits: of every reading with its own script and with another's, nats a frame.
    refused: readings whose own script was taken for another recording's; doubted: in part. taken: readings whose other script was not
    noticed. sealed: share of b, p, m on which the lips touch. confidence: mean of the syllables.
    """

    errors: np.ndarray
    deficits: np.ndarray
    refused: int
    doubted: int
    taken: int
    sealed: float
    confidence: float


def measure(items: list[Reading], engine: SpeechEngine) -> Figures:
    """Each sentence with its own script and with the next sentence's."""
    errors, confidence, deficits, seals = [], [], [], []
    refused = doubted = taken = 0
    texts = list(dict.fromkeys(item.text for item in items))
    for item in items:
        log_phones = log_posteriors(engine.model, item.sound)
        heard = decode(log_phones)
        other = texts[(texts.index(item.text) + 1) % len(texts)]
        own, wrong = (align(log_phones, engine.reader.read(text), heard) for text in (item.text, other))
        if own is None or len(own.track.words) != len(item.starts):
            raise SystemExit(f"{item.text}: {len(item.starts)} syllables were said, which is not what the script holds.")
        errors += [abs(word.start - start) for word, start in zip(own.track.words, item.starts, strict=True)]
        confidence += [word.confidence for word in own.track.words]
        deficits.append((own.deficit, wrong.deficit if wrong else np.inf))
        refused += not own.fits
        doubted += own.fits and bool(own.doubts)
        taken += wrong is not None and wrong.fits
        seals += _seals(own.track, item.sound, engine)
    return Figures(np.array(errors), np.array(deficits), refused, doubted, taken, float(np.mean(seals)), float(np.mean(confidence)))


def _seals(track: PhoneTrack, sound: np.ndarray, engine: SpeechEngine) -> list[bool]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentence.wav"
        soundfile.write(path, sound, SAMPLE_RATE)
        result = speech_to_curves(path, SpeechOptions(device="cpu", life=False), engine=engine)
    curves = result.reapply(track)
    gap, times = lip_gap(curves.names, curves.values), curves.times
    spans = [(times >= p.start - 0.02) & (times <= p.end + 0.02) for p in track.phones if p.label in SEALED]
    return [bool(gap[span].min() < TOUCHING) for span in spans]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    items = list(readings())
    found = measure(items, SpeechEngine(args.weights))
    quarter, median, ninety = 1000 * np.percentile(found.errors, (25, 50, 90))
    print(f"{len(SENTENCES)} sentences, {len(VOICES)} voices, {len(RATES)} rates: {len(items)} readings, {len(found.errors)} syllables")
    print(f"syllable starts off by: median {median:.0f} ms, quarter under {quarter:.0f} ms, 90 % under {ninety:.0f} ms")
    print(f"deficit of the own script: mean {found.deficits[:, 0].mean():.2f}, worst {found.deficits[:, 0].max():.2f}; of another's: "
          f"mean {found.deficits[:, 1].mean():.2f}, best {found.deficits[:, 1].min():.2f} (noticed above {MISMATCH})")  # fmt: skip
    print(f"own script refused {found.refused}, in part {found.doubted}; another's script taken {found.taken}")
    print(f"lips touch on b, p, m: {100 * found.sealed:.1f} %; mean confidence of a syllable {found.confidence:.2f}")


if __name__ == "__main__":
    main()
