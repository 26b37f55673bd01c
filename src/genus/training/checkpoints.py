"""Checkpoints that survive a crash at any moment: written aside, synced, then renamed.

A checkpoint is a folder of safetensors files and one ``state.json`` with the SHA-256 of each and
of itself. Loading runs no code.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from genus.core.errors import CheckpointError
from genus.core.model import Model
from genus.training.durable import sync_folder, write_synced, writing

_STATE = "state.json"


class CheckpointWarning(UserWarning):
    """A damaged checkpoint was passed over for an older one."""


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a checkpoint.

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
        CheckpointError: when the disk is full or not writable, or something in it cannot be written; earlier
            checkpoints stay good.
    """
    target = folder / f"{checkpoint.number:08d}"
    draft = folder / ".writing"  # a fixed name, so that what a crash left behind is cleared away
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with writing(target):
            draft.mkdir(parents=True)
            files: dict[str, str] = {}
            aliases: dict[str, dict[str, str]] = {}
            for stem, tensors in checkpoint.tensors.items():
                unique, aliases[stem] = _untie(tensors)
                data = safetensors.torch.save(unique)
                files[f"{stem}.safetensors"] = _digest(data)
                write_synced(draft / f"{stem}.safetensors", data)
            body = {
                "number": checkpoint.number,
                "state": dict(checkpoint.state),
                "files": files,
                "aliases": aliases,
            }
            write_synced(draft / _STATE, _json({"sha256": _digest(_json(body)), "body": body}))
            sync_folder(draft)
            if target.exists():
                shutil.rmtree(target)
            draft.rename(target)
            sync_folder(folder)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, CheckpointError) or not isinstance(error, Exception):
            raise
        raise CheckpointError(  # such as a tensor without values in this process, or a state that is no JSON
            f"checkpoint {checkpoint.number} cannot be saved ({type(error).__name__}: {error}); what was "
            "saved before is untouched"
        ) from error
    return target


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify one checkpoint.

    Raises:
        CheckpointError: when any file is missing, damaged, outside the folder or does not match its checksum.
    """
    try:
        text = _own_file(path, _STATE).read_bytes()
        body = json.loads(text)["body"]
        if text != _json({"sha256": _digest(_json(body)), "body": body}):  # not one byte differs
            raise CheckpointError(f"checkpoint {path}: {_STATE} does not match its checksum")
        if body["number"] != int(path.name):
            raise CheckpointError(f"checkpoint {path} was renamed: it is number {body['number']}")
        tensors: dict[str, dict[str, Tensor]] = {}
        for name, expected in body["files"].items():
            data = _own_file(path, name).read_bytes()
            if _digest(data) != expected:
                raise CheckpointError(f"checkpoint {path}: {name} does not match its checksum")
            stem = name.removesuffix(".safetensors")
            tensors[stem] = safetensors.torch.load(data)
            for alias, original in body["aliases"][stem].items():
                tensors[stem][alias] = tensors[stem][original]
        return Checkpoint(tensors, body["state"], body["number"])
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"checkpoint {path}: {Path(error.filename).name} is missing") from error
    except Exception as error:  # whatever damaged bytes provoke becomes one typed error
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error


def _own_file(folder: Path, name: str) -> Path:
    """The file of a checkpoint, which no name and no link may lead out of its folder.

    Raises:
        CheckpointError: when the file lies elsewhere.
    """
    path = folder / name
    if path.resolve() != folder.resolve() / name or re.fullmatch(r"[\w.-]+", name) is None:
        raise CheckpointError(
            f"checkpoint {folder}: {_STATE} names {name!r}, which is not a file of its folder"
        )
    return path


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


def prune(newest: Path, keep: int, protected: int | None = None) -> None:
    """Remove all but the ``keep`` last checkpoints up to ``newest``, and never the ``protected`` one.

    Those after ``newest`` go, too: they were damaged, and training continued from before them.
    """
    paths = list_checkpoints(newest.parent)
    last = paths.index(newest) + 1
    for path in paths[: max(last - keep, 0)] + paths[last:]:
        if int(path.name) != protected:
            shutil.rmtree(path, ignore_errors=True)


def load_weights(model: Model, checkpoint: Checkpoint, stem: str) -> None:
    """Fill a model with the ``model`` or ``ema`` weights of a checkpoint.

    Raises:
        CheckpointError: when they are missing or of another model.
    """
    tensors = checkpoint.tensors.get(stem)
    if tensors is None:
        raise CheckpointError(f"checkpoint {checkpoint.number} has no {stem!r} weights: train.ema differs")
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(f"checkpoint {checkpoint.number} is of another model: {error}") from error


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _untie(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Split into distinct tensors and names that share them (safetensors refuses ties)."""
    unique: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for name, tensor in tensors.items():
        address = tensor.data_ptr()  # 0 for what has no memory of its own here, such as sharded tensors
        key = (address, tensor.device, tensor.dtype, tuple(tensor.shape), tensor.stride())
        if address and tensor.numel() and key in seen:
            aliases[name] = seen[key]
        else:
            seen[key] = name
            unique[name] = tensor.detach().to("cpu", copy=True).contiguous()
    return unique, aliases
