# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run on disk, without pickle: safetensors for tensors, JSON for the rest, so that a run can stop and go on."""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ..core.paths import replacing
from ..inference.speech import weights_file
from ..inference.speech.model import SpeechModel, SpeechModelConfig


def save(folder: Path, model: SpeechModel, average: dict[str, Tensor], optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Write weights, their moving average, Adam's moments and ``state`` (plain data)."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{n}": t.detach().contiguous() for n, t in model.state_dict().items()}
    tensors |= {f"average.{n}": t.contiguous() for n, t in average.items()}
    for i, p in enumerate(p for g in optimiser.param_groups for p in g["params"]):
        for key, value in optimiser.state.get(p, {}).items():
            tensors[f"adam.{i}.{key}"] = torch.as_tensor(value).contiguous()
    told = {"config": json.dumps(asdict(model.config)), "state": json.dumps(state)}
    with replacing(folder / "run.safetensors") as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata=told)


def load(folder: Path) -> tuple[SpeechModel, dict[str, Tensor], dict[str, Tensor], dict]:
    """(model with the raw weights, averaged weights, Adam's moments, state)."""
    with safetensors.safe_open(str(folder / "run.safetensors"), "pt") as f:
        told = f.metadata()
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - a safetensors handle is not a dict
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(told["config"]).items()}
    model = SpeechModel(SpeechModelConfig(**config))
    model.load_state_dict({k[6:]: t for k, t in tensors.items() if k.startswith("model.")})
    average = {k[8:]: t for k, t in tensors.items() if k.startswith("average.")}
    return model, average, {k: t for k, t in tensors.items() if k.startswith("adam.")}, json.loads(told["state"])


def load_model(path: Path) -> SpeechModel:
    """The averaged model of a run folder, or the model in a weights file; evaluation mode."""
    if path.is_dir():
        model, average, _, _ = load(path)
        model.load_state_dict(average)
        return model.eval()
    return weights_file.load(path)
