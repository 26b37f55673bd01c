"""Checkpoints that survive a crash at any moment: written aside, synced, then renamed.

A checkpoint is a folder of safetensors files and one ``state.json`` with the SHA-256 of each and
of itself. Loading runs no code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from genus.core.errors import CheckpointError

_STATE = "state.json"


class CheckpointWarning(UserWarning):
    """A damaged checkpoint was passed over for an older one."""


@dataclass(frozen=True)
class Checkpoint:
    """What was saved.

    Args:
        tensors: by file stem (``model``, ``ema``, ``optimizer``), then by name.
        state: JSON values: clocks, seeds, data fingerprint.
        number: iteration it was saved at.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]
    number: int


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``folder/NNNNNNNN`` atomically and return its path.

    Raises:
        CheckpointError: when the disk is full or not writable; earlier checkpoints stay good.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{checkpoint.number:08d}"
    draft = folder / f".writing-{os.getpid()}"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        files: dict[str, str] = {}
        aliases: dict[str, dict[str, str]] = {}
        for stem, tensors in checkpoint.tensors.items():
            unique, aliases[stem] = _untie(tensors)
            files[f"{stem}.safetensors"] = _write(
                draft / f"{stem}.safetensors", safetensors.torch.save(unique)
            )
        body = {"state": dict(checkpoint.state), "files": files, "aliases": aliases}
        text = json.dumps(body, sort_keys=True)
        signed = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "body": body}
        _write(draft / _STATE, json.dumps(signed, sort_keys=True).encode())
        sync_folder(draft)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise CheckpointError(
            f"could not save a checkpoint in {folder}: {error.strerror or error}. Earlier "
            "checkpoints are untouched; free some space and run `genus resume`"
        ) from error
    return target


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify one checkpoint.

    Raises:
        CheckpointError: when any file is missing, damaged or does not match its checksum.
    """
    try:
        signed = json.loads((path / _STATE).read_bytes())
        body = signed["body"]
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if digest != signed["sha256"] or set(signed) != {"sha256", "body"}:
            raise CheckpointError(f"checkpoint {path}: {_STATE} does not match its checksum")
        tensors: dict[str, dict[str, Tensor]] = {}
        for name, expected in body["files"].items():
            data = (path / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != expected:
                raise CheckpointError(f"checkpoint {path}: {name} does not match its checksum")
            stem = name.removesuffix(".safetensors")
            tensors[stem] = safetensors.torch.load(data)
            for alias, original in body["aliases"][stem].items():
                tensors[stem][alias] = tensors[stem][original]
        return Checkpoint(tensors, body["state"], int(path.name))
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"checkpoint {path}: {Path(error.filename).name} is missing") from error
    except Exception as error:  # whatever damaged bytes provoke becomes one typed error
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error


def list_checkpoints(folder: Path) -> list[Path]:
    """Committed checkpoints, oldest first; drafts are no checkpoints."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.isdigit())


def load_newest(folder: Path) -> Checkpoint:
    """Load the newest good checkpoint; damaged ones are passed over with a named warning.

    Raises:
        CheckpointError: when there is none.
    """
    problems: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        if problems:
            warnings.warn(
                f"using checkpoint {path.name}, because: {'; '.join(problems)}",
                CheckpointWarning,
                stacklevel=2,
            )
        return checkpoint
    raise CheckpointError(
        f"no good checkpoint in {folder}" + (": " + "; ".join(problems) if problems else "")
    )


def prune(folder: Path, keep: int, protected: int | None = None) -> None:
    """Remove all but the ``keep`` newest checkpoints, and never the ``protected`` one."""
    for path in list_checkpoints(folder)[:-keep]:
        if int(path.name) != protected:
            shutil.rmtree(path, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replace a small file atomically."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    _write(draft, text.encode())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> str:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()


def _untie(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Split into distinct tensors and names that share them (safetensors refuses ties)."""
    unique: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[int, tuple[int, ...]], str] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.numel() and key in seen:
            aliases[name] = seen[key]
        else:
            seen[key] = name
            unique[name] = tensor.detach().to("cpu", copy=True).contiguous()
    return unique, aliases


def optimizer_tensors(groups: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Flatten optimiser states to ``group/parameter number/name``."""
    return {
        f"{name}/{index}/{key}": value
        for name, optimizer in groups.items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimizers(
    groups: Mapping[str, torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Fill optimisers with states from :func:`optimizer_tensors`.

    Raises:
        CheckpointError: when groups or shapes differ from the checkpoint's.
    """
    for name, optimizer in groups.items():
        parameters = [p for g in optimizer.param_groups for p in g["params"]]
        fused = bool(optimizer.param_groups[0].get("fused"))
        for full, tensor in tensors.items():
            group, index, key = full.rsplit("/", 2)
            if group != name:
                continue
            if int(index) >= len(parameters):
                raise CheckpointError(f"optimiser group {name!r} has fewer parameters than saved")
            parameter = parameters[int(index)]
            if tensor.shape == parameter.shape:  # keeps the parameter's memory layout
                value = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
            else:  # fused kernels keep their step count on the parameter's device
                value = tensor.to(parameter.device if fused or key != "step" else "cpu").clone()
            optimizer.state[parameter][key] = value.detach()
