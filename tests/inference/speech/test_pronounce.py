# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to phones for the phone track's editor."""
import pytest

from facewright.core.errors import UserError
from facewright.inference.handlers import find
from facewright.inference.speech import pronounce


def quiet(fraction, stage):
    return None


def test_a_word_and_a_phrase():
    assert find("pronounce") is pronounce.run
    found = pronounce.run({"text": "Bob"}, quiet)
    assert found == {"words": [{"label": "Bob", "phones": ["B", "AA", "B"], "stresses": [0, 1, 0]}]}
    assert [w["label"] for w in pronounce.run({"text": "may pay"}, quiet)["words"]] == ["may", "pay"]
    assert pronounce.run({"text": "Bob", "pronunciations": {"bob": "B IY1"}}, quiet)["words"][0]["phones"] == ["B", "IY"]


WRONG = ({}, {"text": " "}, {"text": "..."}, {"text": 3}, {"text": "x" * 3000}, {"text": "x", "pronunciations": 3})


@pytest.mark.parametrize("params", WRONG)
def test_what_cannot_be_said_is_told(params):
    with pytest.raises(UserError):
        pronounce.run(params, quiet)
