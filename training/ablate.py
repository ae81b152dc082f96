# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind of teaching is worth: equal short runs from scratch, one with everything and one without each, in one table.

    python entry.py training.ablate --corpora DIR --packs CACHE/packs --aligned FILE --steps 300 --json CACHE/ablations.json

So few steps reach nothing like the shipped weights: the rows are to be compared with each other only.
"""
from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ..inference.speech import weights_file
from ..inference.speech.model import SpeechModel, SpeechModelConfig
from ..rigs.arkit import ARKIT_52
from . import corpora, evaluate, ict_head, train
from .evaluate import HeldOut
from .train import Batches, Losses, Prepared, TrainOptions

FROM_PHONES = ("phones", "articulation", "teacher", "closure", "open", "silence")


@dataclass(frozen=True)
class Variant:
    """What a run goes without: losses by name, and whether the camera's measurements are hidden."""

    without: tuple[str, ...] = ()
    blind: bool = False


VARIANTS = {
    "everything": Variant(),
    "without phone cues": Variant(FROM_PHONES),
    "without teacher": Variant(("teacher",)),
    "without real video": Variant(blind=True),
}
# (set, figure) of each column.
COLUMNS = (
    ("grid_s1", "gap r"), (evaluate.UNSEEN, "gap r"), (evaluate.UNSEEN, "width r"), (evaluate.UNSEEN, "closure recall"),
    (evaluate.UNSEEN, "closure precision"), ("ljspeech", "P/B/M closure"), ("ljspeech", "false closure"), ("facegood", "jawOpen r"),
)  # fmt: skip


def fit(data: dict[str, list[Prepared]], head: ict_head.Head, options: TrainOptions, steps: int, variant: Variant) -> SpeechModel:
    """A model trained from scratch for ``steps``; the learning rate falls to nothing in a straight line."""
    torch.manual_seed(options.seed)
    if variant.blind:
        data = {k: [replace(p, measured=None) for p in ready] for k, ready in data.items()}
    config = SpeechModelConfig(style_names=options.styles)
    model = SpeechModel(config).train()
    losses, batches = Losses(config, head, options), Batches(data, len(config.face_units), options, options.seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.98))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * min(1.0, (step + 1) / 50) * (1 - step / steps)
        batch = batches.next()
        with torch.autocast("cpu", torch.bfloat16):
            output = model(batch["features"], batch["style"])
        terms = losses(output, batch)
        total = sum(options.weight[k] * v for k, v in terms.items() if k not in variant.without)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()


def measure(model: SpeechModel, variant: Variant, held_out: HeldOut, head: ict_head.Head, folder: Path) -> dict[str, list[float]]:
    """Figures in the order of COLUMNS for the network alone, and with events by ear and by script where phones were learnt."""
    subjects = {"network": evaluate.network(model)}
    if "phones" not in variant.without:
        path = folder / f"ablated{len(list(folder.glob('ablated*.safetensors')))}.safetensors"  # a name for each: engines are kept by it
        weights_file.save(model, path)
        subjects |= {f"events {how}": evaluate.pipeline(how == "by script", weights=path) for how in ("by ear", "by script")}
    tables = {name: evaluate.evaluate(subject, held_out, head) for name, subject in subjects.items()}
    return {name: [table[s][f].value for s, f in COLUMNS] for name, table in tables.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--aligned", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--clips", type=int, default=40, help="held-out clips of GRID s1 to measure on")
    parser.add_argument("--json", type=Path, required=True, help="written after each run; runs that it holds are not repeated")
    args = parser.parse_args()
    torch.set_num_threads(1)
    root = corpora.folder(args.corpora)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    options = replace(TrainOptions(), batch=args.batch, seconds=2.0)
    units = SpeechModelConfig().face_units
    data = train.prepare(train.training_examples(root, args.packs, args.aligned), head, units)
    held_out = HeldOut.read(root)
    held_out.sets["grid_s1"] = held_out.sets["grid_s1"][: args.clips]
    done = json.loads(args.json.read_text("utf-8")) if args.json.exists() else {}
    for name, variant in VARIANTS.items():
        if name in done:
            continue
        began = time.process_time()
        model = fit(data, head, options, args.steps, variant)
        trained = time.process_time() - began
        rows = measure(model, variant, held_out, head, args.json.parent)
        done[name] = {"rows": rows, "steps": args.steps, "cpuSeconds": round(trained), "variant": asdict(variant)}
        args.json.write_text(json.dumps(done, indent=1), "utf-8")
    print("| | | " + " | ".join(f"{f}, {s}" for s, f in COLUMNS) + " |")
    for name, told in done.items():
        for how, row in told["rows"].items():
            print(f"| {name} | {how} | " + " | ".join(f"{v:.2f}" for v in row) + " |")


if __name__ == "__main__":
    main()
