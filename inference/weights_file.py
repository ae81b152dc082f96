# SPDX-License-Identifier: GPL-3.0-or-later
"""Models' weights on disk: one safetensors file that rebuilds its model, pinned by sha256 in ``weights/manifest.json``."""
from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.paths import WEIGHTS, replacing

_REINSTALL = "Install Facewright again, or put the file back from its release."
_Model = TypeVar("_Model", bound=nn.Module)


def load(path: Path | str, kind: str, version: str, network: type[_Model], config: type, what: str, expected: str | None = None) -> _Model:
    """The model in a weights file, float32, in evaluation mode, on the CPU: ``network(config(...))`` with the stored weights.

    kind, version: what the file must say it is. what: the model's name in messages ("speech model"). The file's sha256 must be
    ``expected``; without one, the entry of that file name in ``manifest.json`` beside it, if there is one. Raises UserError for a file that
    is missing, unreadable, altered, or of another kind or version.
    """
    path = Path(path)
    described, tensors = read(path, kind, version, what, expected)
    try:
        model = network(_config(config, described["config"]))
        model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"The weights {path} do not fit the model they describe ({error}).", _REINSTALL) from error
    return model.eval()


def read(path: Path, kind: str, version: str, what: str, expected: str | None = None) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(metadata, tensors) of a weights file after all of ``load``'s checks."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"The {what}'s weights are missing: {path}.", _REINSTALL) from None
    except OSError as error:
        raise UserError(f"The {what}'s weights cannot be read: {path} ({error.strerror}).", _REINSTALL) from error
    expected = expected or pinned_sha256(path)
    actual = hashlib.sha256(data).hexdigest()
    if expected and actual != expected:
        found = f"{path} has sha256 {actual[:12]}..., not {expected[:12]}..."
        raise UserError(f"The {what}'s weights are damaged or altered: {found}", _REINSTALL)
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError) as error:
        raise UserError(f"The {what}'s weights are not a safetensors file: {path} ({error}).", _REINSTALL) from error
    described = header.get("__metadata__", {})
    if described.get("kind") != kind or described.get("version") != version:
        found = f"kind '{described.get('kind')}' version '{described.get('version')}'"
        readable = f"kind '{kind}' version '{version}'"
        raise UserError(f"The weights {path} are {found}; this Facewright reads {readable}.", "Use weights made for this version.")
    return described, tensors


def save(model: nn.Module, path: Path | str, kind: str, version: str, told: dict[str, str] | None = None) -> str:
    """Write the model in float16 (half the size; the card says what it costs), its ``config`` and metadata ``told``. Returns the sha256."""
    tensors = {n: t.detach().cpu().contiguous() for n, t in model.state_dict().items()}
    halves = {n: t.to(torch.float16) if t.is_floating_point() else t for n, t in tensors.items()}
    described = {**(told or {}), "kind": kind, "version": version, "config": json.dumps(asdict(model.config), sort_keys=True)}
    data = reproducible(safetensors.torch.save(halves, metadata=described))
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def reproducible(data: bytes) -> bytes:
    """The same safetensors bytes with the header's keys sorted: the library writes metadata in an order that differs from run to run."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors stay aligned
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def metadata(path: Path | str, what: str) -> dict[str, str]:
    """The text that ``save`` put in the file. Raises UserError where ``load`` would for a file that is not there or not safetensors."""
    try:
        with safetensors.safe_open(str(path), "pt") as handle:
            return dict(handle.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise UserError(f"The {what}'s weights cannot be read: {path} ({error}).", _REINSTALL) from error


@functools.lru_cache(maxsize=8)
def _sha256(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sha256(path: Path | str) -> str:
    """The file's sha256, read again only when the file has changed. Raises UserError for one that cannot be read."""
    path = Path(path)
    try:
        return _sha256(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UserError(f"The weights cannot be read: {path} ({error.strerror}).", _REINSTALL) from error


def pinned_sha256(path: Path) -> str | None:
    """The sha256 that ``manifest.json`` beside the file pins it to. None for a file of the user's own that no list names; a shipped one
    that is not named raises UserError, since nothing says that it is the right file."""
    found = manifest_entry(path).get("sha256")
    if not found and path.parent == WEIGHTS:
        raise UserError(f"The list of weights, {WEIGHTS / 'manifest.json'}, does not name {path.name}.", _REINSTALL)
    return found


def manifest_entry(path: Path | str) -> dict:
    """What ``manifest.json`` beside the file says about it ({} if nothing): sha256, bytes, licence, training run."""
    path = Path(path)
    manifest = path.with_name("manifest.json")
    if not manifest.exists():
        return {}
    try:
        entry = json.loads(manifest.read_text("utf-8")).get(path.name, {})
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"The list of weights cannot be read: {manifest} ({error}).", _REINSTALL) from error
    return entry if isinstance(entry, dict) else {}


def pin(path: Path | str, entry: dict) -> None:
    """Record the file in ``manifest.json`` beside it: its sha256 and size, and whatever ``entry`` says (licence, training run)."""
    path = Path(path)
    manifest = path.with_name("manifest.json")
    listed = json.loads(manifest.read_text("utf-8")) if manifest.exists() else {}
    data = path.read_bytes()
    listed[path.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **entry}
    with replacing(manifest) as temporary:
        temporary.write_text(json.dumps(listed, indent=2, sort_keys=True) + "\n", "utf-8")


def _config(config: type, text: str) -> Any:
    known = {f.name for f in fields(config)}
    values = json.loads(text)
    if unknown := set(values) - known:
        raise ValueError(f"unknown settings {sorted(unknown)}")
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
