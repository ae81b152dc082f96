# SPDX-License-Identifier: GPL-3.0-or-later
"""The card shows the figures as they were measured."""
import pytest

from facewright.inference.speech import weights_file
from facewright.training import card

NAN = float("nan")
FIGURES = {
    "gap r": {"value": 0.9254, "low": 0.91, "high": 0.937, "clips": 81},
    "best lag (frames)": {"value": 0, "low": 0, "high": 0, "clips": 81},
}


def test_cells() -> None:
    assert card.figure(FIGURES["gap r"]) == "0.925 [0.910, 0.937]"
    assert card.figure(FIGURES["best lag (frames)"]) == "0"
    assert card.figure({"value": 0.0104, "low": NAN, "high": NAN, "clips": 6}) == "0.0104"
    assert card.figure({"value": NAN, "low": NAN, "high": NAN, "clips": 0}) == "-"


def test_a_table_has_a_column_for_each_subject_but_the_mean() -> None:
    text = card.table("grid_s1", {"network": {"grid_s1": FIGURES}, "energy envelope": {"grid_s1": FIGURES}, "mean": {"grid_s1": FIGURES}})
    assert "| | network | energy envelope |" in text and "mean" not in text
    assert text.count("0.925 [0.910, 0.937]") == 2 and ": 81" in text


@pytest.mark.skipif(not weights_file.SHIPPED.exists(), reason="no weights in this checkout")
def test_the_card_names_the_shipped_file_and_every_licence() -> None:
    text = card.card({"network": {name: FIGURES for name in card.TITLES}})
    assert weights_file.manifest_entry(weights_file.SHIPPED)["sha256"] in text
    for words in ("CC BY 4.0", "GPL-3.0-or-later", "public domain", "MIT", "speechocean762", "0.925 [0.910, 0.937]"):
        assert words in text
    assert "{" not in text
