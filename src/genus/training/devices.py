"""Devices of training: device, precision and ranks, by Lightning Fabric."""

from __future__ import annotations

import atexit
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from genus.core.errors import InputError
from genus.core.model import Model
from genus.layers.modulation import channels_last

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_Value = TypeVar("_Value")


def launch(device: str = "auto", precision: str = "32") -> Fabric:
    """Start Fabric on one device, or join the ranks that ``torchrun`` started.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``"32"``, ``"bf16-mixed"``, or ``"auto"`` for what is faster here.

    Raises:
        InputError: when this machine has no such device.
    """
    here = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device in here and not here[device]():
        raise InputError(f"train.device={device}: this machine has none; use train.device=auto")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' deprecations are not our users' concern
        from lightning_fabric import Fabric

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it repeats our settings
        world = int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
        fabric = Fabric(
            accelerator=device,
            devices=local if world > 1 else 1,
            num_nodes=max(world // max(local, 1), 1),
            strategy="ddp" if world > 1 else "auto",
            precision="bf16-mixed" if _in_bf16(precision, device) else "32-true",
        )
        fabric.launch()
    if world > 1:
        atexit.register(_leave)
    return fabric


@contextmanager
def autocast(fabric: Fabric) -> Iterator[None]:
    """Fabric's precision, with every use of a weight cast anew.

    Autocast would keep the cast of a weight, and with it add the gradients of all its uses in bfloat16, where
    a sum of ones stops at 256. Casting anew adds them in float32; its cost is not measurable.
    """
    with fabric.autocast():
        cached = torch.is_autocast_cache_enabled()
        torch.set_autocast_cache_enabled(False)
        try:
            yield
        finally:
            torch.set_autocast_cache_enabled(cached)


def on_processor(device: str = "auto") -> bool:
    """Whether training with ``train.device`` set to ``device`` runs on the processor of this machine."""
    accelerated = torch.cuda.is_available() or torch.backends.mps.is_available()
    return device == "cpu" or (device == "auto" and not accelerated)


def _leave() -> None:
    """Leave the ranks before the interpreter ends: communication threads still alive then abort it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _in_bf16(precision: str, device: str) -> bool:
    """Whether to train in bfloat16: when the settings say so, or when it is faster on this hardware.

    Processors without instructions for it emulate it, twenty times slower than float32.
    """
    if precision != "auto":
        return precision == "bf16-mixed"
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "mps" or (device == "auto" and torch.backends.mps.is_available()):
        return False
    asks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16"))
    return any(parse_condition is not None and parse_condition() for parse_condition in asks)


def from_first(fabric: Fabric, value: _Value) -> _Value:
    """Rank 0's value, on every rank."""
    return value if fabric.world_size == 1 else fabric.broadcast(value)


def sum_tensors(fabric: Fabric, tensors: list[Tensor]) -> list[Tensor]:
    """Add float tensors over all ranks with one collective; the identity in one process."""
    if fabric.world_size == 1 or not tensors:
        return tensors
    wide = max((t.dtype for t in tensors), key=lambda dtype: dtype.itemsize)
    flat = torch.cat([t.reshape(-1).to(wide) for t in tensors])
    total = fabric.all_reduce(flat, reduce_op="sum")
    assert isinstance(total, Tensor)
    parts = total.split([t.numel() for t in tensors])
    return [part.view_as(t).to(t.dtype) for part, t in zip(parts, tensors, strict=True)]


def placed(model: Model, device: torch.device, *, in_channels_last: bool) -> Model:
    """A model on a device, with the memory layout of its weights that image networks are faster with."""
    model = model.to(device)
    if in_channels_last:
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = channels_last(tensor.data)
    return model
