# SPDX-License-Identifier: GPL-3.0-or-later
"""Tuning under PyTorch's own launcher, on as many processes and machines as a studio has:

    torchrun --nproc_per_node 2 entry.py inference.preference.distributed --votes votes.jsonl -o adapter.safetensors

Each process owns a share of the stretches, draws and judges their takes, and gradients are summed over all, so the adapter is the one
that a single process makes, but for rounding. The first process writes it. Without the launcher it is one process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed

from ...core.errors import UserError
from . import jobs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--votes", required=True, help="a store's folder, a server's address, or a .jsonl or .csv of 'votes export'")
    parser.add_argument("--curves", type=Path, help="where curves files lie, for a .jsonl or .csv")
    parser.add_argument("--heard", type=Path, help="what was heard or seen of the voted clips (default: 'heard' beside the votes)")
    parser.add_argument("--base", choices=("speech", "image"), default="speech", help="the model to tune")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the adapter to write")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    device = f"cuda:{local}" if args.device == "cuda" else "cpu"
    if size > 1:
        torch.distributed.init_process_group("nccl" if args.device == "cuda" else "gloo")
        if args.device == "cuda":
            torch.cuda.set_device(local)
    first = int(os.environ.get("RANK", "0")) == 0
    params = {
        "votes": args.votes, "out": str(args.out), "rounds": args.rounds, "seed": args.seed, "device": device,
        "curves": str(args.curves) if args.curves else None, "heard": str(args.heard) if args.heard else None, "base": args.base,
    }  # fmt: skip
    try:
        result = jobs.finetune(params, lambda fraction, stage: None)
        if first:
            print(json.dumps({k: result[k] for k in ("adapter", "sha256", "gate", "votes", "warnings")}))
        return 0
    except UserError as error:
        if first:
            print(f"facewright: {error}", file=sys.stderr)
        return 1
    finally:
        if size > 1:
            torch.distributed.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main())
