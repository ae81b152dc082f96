# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the card of the shipped weights from the figures that training.evaluate measured, so that no number is copied by hand.

    python entry.py training.evaluate --pipeline --packs CACHE/packs --json CACHE/figures.json
    python entry.py training.card --figures CACHE/figures.json
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..core.paths import replacing
from ..inference.speech import weights_file

TITLES = {
    "grid_s1": "GRID s1, held-out clips of a speaker that was trained on",
    "grid_unseen": "GRID s5 and s32, speakers never trained on",
    "ljspeech": "LJSpeech, held-out utterances (phones machine-aligned)",
    "facegood": "FACEGOOD 1114_2_04, held-out Mandarin clip in pieces of ten seconds, against the artist's curves",
    "recogniser": "Recogniser",
}

TEMPLATE = Path(__file__).with_name("card_template.md")


def figure(f: dict) -> str:
    """One cell: value and interval."""
    if f["clips"] == 0 or f["value"] != f["value"]:
        return "-"
    if f["low"] != f["low"] or f["low"] == f["high"] == f["value"] == int(f["value"]):
        return f"{f['value']:.3g}"
    return f"{f['value']:.3f} [{f['low']:.3f}, {f['high']:.3f}]"


def table(name: str, results: dict) -> str:
    """A Markdown table of one set: figures by subject."""
    subjects = [s for s in results if name in results[s] and s != "mean"]
    rows = results[subjects[0]][name]
    count = "" if name == "recogniser" else f": {next(iter(rows.values()))['clips']}"
    lines = [f"\n### {TITLES[name]}{count}\n", f"| | {' | '.join(subjects)} |", "|---" * (len(subjects) + 1) + "|"]
    for row in rows:
        lines.append(f"| {row} | " + " | ".join(figure(results[s][name][row]) for s in subjects) + " |")
    return "\n".join(lines) + "\n"


def card(results: dict) -> str:
    """The card's text. results: subject -> set -> figure name -> {value, low, high, clips}."""
    model = weights_file.load()
    entry = weights_file.manifest_entry(weights_file.SHIPPED)
    run, config = entry["trainingRun"], model.config
    return TEMPLATE.read_text("utf-8").format(
        articulation=len(config.articulation_names),
        face=len(config.face_names),
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        blocks=len(config.dilations),
        width=config.width,
        context=model.context_frames * 0.02,
        sha256=entry["sha256"],
        megabytes=entry["bytes"] / 1e6,
        commit=run["commit"],
        seed=run["seed"],
        minutes=run["minutes"],
        styles=", ".join(config.style_names),
        figures="".join(table(name, results) for name in TITLES),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=weights_file.SHIPPED.with_suffix(".md"))
    args = parser.parse_args()
    text = card(json.loads(args.figures.read_text("utf-8")))
    with replacing(args.out) as temporary:
        temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
