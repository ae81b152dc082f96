# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinyin syllables as the ARPAbet phones that sound and look nearest: what the speech model and the lips' events know.

Sounds of the initials and finals: Lee and Zee, "Standard Chinese (Beijing)", Journal of the International Phonetic Association 33 (2003)
109-112, doi.org/10.1017/S0025100303001208. Where no ARPAbet phone fits both ear and eye, the lips decide for rounding and closure (ü is
Y UW, a rounded Y), the ear for the rest. Tones move no lip and are left out.
"""

from __future__ import annotations

from typing import Final

INITIALS: Final = {
    "b": "B",  # p, unaspirated
    "p": "P",  # pʰ
    "m": "M",
    "f": "F",
    "d": "D",  # t, unaspirated
    "t": "T",  # tʰ
    "n": "N",
    "l": "L",
    "g": "G",  # k, unaspirated
    "k": "K",  # kʰ
    "h": "HH",  # x
    "j": "JH",  # tɕ
    "q": "CH",  # tɕʰ
    "x": "SH",  # ɕ
    "zh": "JH",  # tʂ
    "ch": "CH",  # tʂʰ
    "sh": "SH",  # ʂ
    "r": "R",  # ɻ
    "z": "D Z",  # ts, unaspirated
    "c": "T S",  # tsʰ
    "s": "S",
}
"""Initial as pinyin writes it -> phones."""

FINALS: Final = {
    "a": "AA",
    "o": "W AO",  # wo, after b, p, m, f
    "e": "AH",  # ɤ, an unrounded back vowel
    "ê": "EH",
    "ai": "AY",
    "ei": "EY",
    "ao": "AW",
    "ou": "OW",
    "an": "AE N",  # an, more to the front than the a of ang
    "en": "AH N",
    "ang": "AA NG",
    "eng": "AH NG",
    "ong": "UH NG",
    "i": "IY",
    "ia": "Y AA",
    "io": "Y AO",
    "ie": "Y EH",
    "iao": "Y AW",
    "iu": "Y OW",
    "ian": "Y EH N",
    "in": "IY N",
    "iang": "Y AA NG",
    "ing": "IY NG",
    "iong": "Y UH NG",
    "u": "UW",
    "ua": "W AA",
    "uo": "W AO",
    "uai": "W AY",
    "ui": "W EY",
    "uan": "W AE N",
    "un": "W AH N",
    "uang": "W AA NG",
    "ueng": "W AH NG",
    "ü": "Y UW",
    "üe": "Y UW EH",  # ɥɛ: Y for the ear, UW for the lips
    "üan": "W EH N",  # ɥɛn
    "ün": "Y UW N",
}
"""Final after an initial -> phones."""

WHOLE: Final = {
    # The vowel of these is the consonant held on, close and spread. After zh, ch, sh, r it is r-like for the tongue, but the recogniser,
    # which knows English, hears ER hardly ever in real Mandarin (6 of 2900 phones of FACEGOOD's speaker): IH and AH follow SH.
    "zhi": "JH IH", "chi": "CH IH", "shi": "SH IH", "ri": "R IH", "zi": "D Z IH", "ci": "T S IH", "si": "S IH",
    "er": "ER", "r": "ER", "o": "AO", "yo": "Y AO", "lo": "L AO", "wong": "W UH NG", "biang": "B Y AA NG",
    # Interjections without a vowel.
    "m": "M", "n": "N", "ng": "NG", "hm": "HH M", "hng": "HH NG",
}  # fmt: skip
"""Syllables that are not the sum of initial and final."""

WITHOUT_INITIAL: Final = {
    "yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iu", "yan": "ian", "yin": "in", "yang": "iang", "ying": "ing",
    "yong": "iong", "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "ui", "wan": "uan", "wen": "un", "wang": "uang",
    "weng": "ueng", "yu": "ü", "yue": "üe", "yuan": "üan", "yun": "ün",
}  # fmt: skip
"""Spelling of a final that stands alone -> the final."""


def syllable_phones(syllable: str) -> tuple[str, ...]:
    """ARPAbet of one syllable in lower-case pinyin without tone, ü as ü or v. Raises KeyError where it is no syllable of Mandarin."""
    spelled = syllable.replace("v", "ü")
    if spelled in WHOLE:
        return tuple(WHOLE[spelled].split())
    initial = next((spelled[:n] for n in (2, 1) if spelled[:n] in INITIALS), "")
    final = spelled[len(initial) :] if initial else WITHOUT_INITIAL.get(spelled, spelled)
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "ü" + final[1:]
    return (*INITIALS.get(initial, "").split(), *FINALS[final].split())
