# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in a Chinese script as they are said in Mandarin, written out in Chinese characters."""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = "零一二三四五六七八九"
_MONEY: Final = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元"}
_UNITS: Final = {
    "°C": "摄氏度", "°F": "华氏度", "°": "度", "km": "公里", "kg": "公斤", "cm": "厘米", "mm": "毫米", "m": "米", "g": "克",
}  # fmt: skip
_SIGNS: Final = {"+": "加", "=": "等于", "×": "乘", "÷": "除以", "<": "小于", ">": "大于", "&": "和", "-": "到", "~": "到"}
# Before these two things are liang, not er: the common measure words, and large numbers.
_COUNTED: Final = frozenset(
    "个個只隻次年天位件条條张張本种種人岁歲倍点點小分块塊元万萬千百杯支双雙间間家层秒周部台辆輛颗片句首名头匹座棵公米克吨升"
)
# Telephone and serial numbers, read digit by digit: a zero first, a mobile number, seven digits and more without a round end.
_TOLD_SINGLY: Final = r"0[0-9]+|1[3-9][0-9]{9}|[0-9]{3,}(?!0000)[0-9]{4}"

_AMOUNT: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
NUMBER: Final = re.compile(
    r"(?P<date>(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})(?![0-9]))"
    r"|(?P<clock>(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?![0-9]))"
    r"|(?P<fraction>(?P<part>[0-9]+)[/⁄](?P<whole>[0-9]+))"
    rf"|(?P<money>(?P<currency>[$€£¥])(?P<price>{_AMOUNT}))"
    rf"|(?P<amount>{_AMOUNT})(?:(?P<percent>%)|(?P<unit>°C|°F|°)|\ ?(?P<measure>(?:km|kg|cm|mm|m|g)(?![A-Za-z])))?"
    r"|(?P<sign>[-+=×÷<>&~])"
)
"""A number, or a sign that is said beside one."""


def number_said(match: re.Match, before: str, after: str) -> str:
    """What is said for a match of ``NUMBER``, in Chinese characters; "" for a sign that is not said.

    before, after: the text on its two sides.
    """
    if match["sign"]:
        return _sign(match["sign"], before, after)
    if match["date"]:
        year, month, day = match["year"], int(match["month"]), int(match["day"])
        return f"{_one_by_one(year)}年{cardinal(month)}月{cardinal(day)}日"
    if match["clock"]:
        hour, minute = int(match["hour"]), int(match["minute"])
        rest = f"{'零' if minute < 10 else ''}{cardinal(minute)}分" if minute else ""
        return f"{'两' if hour == 2 else cardinal(hour)}点{rest}"
    if match["fraction"]:
        return f"{cardinal(int(match['whole']))}分之{cardinal(int(match['part']))}"
    if match["money"]:
        return _amount(match["price"], "", "元") + _MONEY[match["currency"]]
    if match["percent"]:
        return "百分之" + _amount(match["amount"], "", "")
    unit = _UNITS.get(match["unit"] or match["measure"], "")
    return _amount(match["amount"], before, unit or after) + unit


def cardinal(number: int) -> str:
    """A whole number of at least 0: 12 -> 十二, 205 -> 两百零五, 10010 -> 一万零一十. From 10^16 on digit by digit."""
    if number == 0:
        return _DIGITS[0]
    if number >= 10**16:
        return _one_by_one(str(number))
    said = _cardinal(number)
    return said[1:] if said.startswith("一十") else said


def _cardinal(number: int) -> str:
    for size, unit in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            head, rest = divmod(number, size)
            gap = "零" if 0 < rest < size // 10 else ""
            return ("两" if head == 2 else _cardinal(head)) + unit + gap + (_cardinal(rest) if rest else "")
    said, gap = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit:
            said += ("零" if gap else "") + ("两" if digit == 2 and size >= 100 else _DIGITS[digit]) + unit
            gap = False
        elif said:
            gap = True
    return said


def _one_by_one(digits: str) -> str:
    return "".join(_DIGITS[int(d)] for d in digits)


def _amount(text: str, before: str, after: str) -> str:
    whole, _, decimals = text.replace(",", "").partition(".")
    if decimals:
        return f"{cardinal(int(whole))}点{_one_by_one(decimals)}"
    if len(whole) == 4 and after.startswith("年"):
        return _one_by_one(whole)
    if re.fullmatch(_TOLD_SINGLY, whole) and "," not in text:
        return _one_by_one(whole).replace("一", "幺")
    if whole == "2" and after[:1] in _COUNTED and after[:2] not in ("年级", "年級") and not before.endswith("第"):
        return "两"
    return cardinal(int(whole))


def _sign(sign: str, before: str, after: str) -> str:
    left, right = before.rstrip(), after.lstrip()
    if sign in "-~":
        if not right[:1].isdigit():
            return ""
        if left[-1:].isdigit():
            serial = re.search(r"(?<![0-9])0[0-9]+$", left) or re.match(r"0[0-9]", right)
            return "" if serial else _SIGNS[sign]
        return "负" if sign == "-" and after[:1].isdigit() else ""
    return _SIGNS[sign]
