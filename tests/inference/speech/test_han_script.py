# SPDX-License-Identifier: GPL-3.0-or-later
"""Chinese scripts: what is said in Mandarin, numbers included, and what stays English."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.inference.speech.han_numbers import cardinal
from facewright.inference.speech.script import read_script


def _said(text, known=()):
    return " ".join(w for entry in read_script(text, known) for w in entry.spoken)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("爸爸，你好！", "爸爸 你好"),
        ("《红楼梦》、“水浒”……", "红楼梦 水浒"),
        ("我用Blender做动画", "我用 blender 做动画"),
        ("今天是2024年5月1日", "今天是 二零二四 年 五 月 一 日"),
        ("2024-05-01去", "二零二四年五月一日 去"),
        ("２０２４年", "二零二四 年"),
        ("12:05到2：30", "十二点零五分 到 两点三十分"),
        ("2个人，第2个，2年级，2月，22个", "两 个人 第 二 个 二 年级 二 月 二十二 个"),
        ("走了2公里或2 km", "走了 两 公里或 两公里"),
        ("25℃，增长50%", "二十五摄氏度 增长 百分之五十"),
        ("共1,234元、$5、￥3.50", "共 一千两百三十四 元 五美元 三点五零元"),
        ("3-5天，1/2，5+3=8，-5度", "三 到 五 天 二分之一 五 加 三 等于 八 负 五 度"),
        ("打13800138000或010-88886666", "打 幺三八零零幺三八零零零 或 零幺零 八八八八六六六六"),
        ("mp3格式、5G、3D和HTML", "M P 三 格式 五 g 三 d 和 H T M L"),
        ("我有3 cats and 4 dogs", "我有 三 cats and four dogs"),
        ("It is 1984. 你好", "it is nineteen eighty four 你好"),
        ("I weigh 5kg。我体重5kg", "i weigh five kilograms 我体重 五公斤"),
        ("[笑声]我和 B2B companies", "我和 B two B companies"),
        ("我 @ 家 # &他", "我 家 和 他"),
    ],
)  # fmt: skip
def test_reads(text, said):
    assert _said(text) == said


def test_labels_are_the_scripts_own():
    words = read_script("你好，Blender 4.2。有100个")
    assert [(w.label, w.mandarin, w.sentence_start) for w in words] == [
        ("你好", True, True),
        ("Blender", False, False),
        ("4.2", True, False),
        ("有", True, True),
        ("100", True, False),
        ("个", True, False),
    ]


def test_the_users_words_are_cut_out_of_a_run_the_longest_first():
    assert [w.label for w in read_script("我在B站看动画片和动画", ["动画", "动画片", "b站"])] == [
        "我在",
        "B站",
        "看",
        "动画片",
        "和",
        "动画",
    ]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"), (2, "二"), (10, "十"), (12, "十二"), (20, "二十"), (102, "一百零二"), (110, "一百一十"), (200, "两百"),
        (2002, "两千零二"), (10010, "一万零一十"), (22000, "两万两千"), (100000, "十万"),
        (1_0000_0001, "一亿零一"), (2_0001_0000_0000, "两万零一亿"),
        (10**16, "一" + "零" * 16),
    ],
)  # fmt: skip
def test_cardinals(number, said):
    assert cardinal(number) == said


_VALUE = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_SIZE = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}


def _number(said):
    """What a listener understands."""
    for unit in ("亿", "万"):
        if unit in said:
            head, _, rest = said.rpartition(unit)
            return _number(head) * _SIZE[unit] + _number(rest)
    total = digit = 0
    for c in said:
        if c in _SIZE:
            total += (digit or 1) * _SIZE[c]
            digit = 0
        else:
            digit = _VALUE[c]
    return total + digit


@given(st.integers(0, 10**16 - 1))
def test_every_cardinal_is_understood(number):
    assert _number(cardinal(number)) == number
