# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a face network on disk, without pickle, so that it can stop and go on: safetensors for tensors, JSON for the rest."""
from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ...core.paths import replacing

_FILE = "run.safetensors"


def there(folder: Path) -> bool:
    return (folder / _FILE).exists()


def save(folder: Path, model: nn.Module, average: dict[str, Tensor], optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Write weights, their moving average, Adam's moments and ``state`` (plain data)."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{n}": t.detach().contiguous() for n, t in model.state_dict().items()}
    tensors |= {f"average.{n}": t.contiguous() for n, t in average.items()}
    for i, p in enumerate(p for g in optimiser.param_groups for p in g["params"]):
        for key, value in optimiser.state.get(p, {}).items():
            tensors[f"adam.{i}.{key}"] = torch.as_tensor(value).contiguous()
    with replacing(folder / _FILE) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata={"state": json.dumps(state)})


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], dict]:
    """(weights, averaged weights, Adam's moments, state)."""
    with safetensors.safe_open(str(folder / _FILE), "pt") as f:
        told = f.metadata()
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - a safetensors handle is not a dict

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}

    return under("model."), under("average."), {k: t for k, t in tensors.items() if k.startswith("adam.")}, json.loads(told["state"])


def called(folder: Path) -> str:
    """Which run that is and how far it went, for the card of one that begins with it."""
    return f"{folder.name}, step {load(folder)[3]['step']}"


def restore(optimiser: torch.optim.Optimizer, adam: dict[str, Tensor]) -> None:
    """Adam's moments back into an optimiser of the same parameters."""
    for i, p in enumerate(p for g in optimiser.param_groups for p in g["params"]):
        if f"adam.{i}.step" in adam:
            optimiser.state[p] = {k: adam[f"adam.{i}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq")}
