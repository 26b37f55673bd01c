"""Training speed of residual GANs against torch-mimicry (pip install --no-deps torch-mimicry).

Its package imports torchvision for data sets and scores; here its networks and their training
steps are imported without the rest of it. With the same weights both sides give the same values to
5e-6, but for two things of the rival's: its generators double by linear interpolation instead of
repetition, and its discriminators' shortcuts see rectified features, for ReLU works in place.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.harness import Comparison, alternate, engine_turn, print_table, timed

STEPS = 1
RIVAL = "vs torch-mimicry 0.1.16"


def sngan(batch: int = 8) -> Comparison:
    """SNGAN on 3×32×32: generator of width 256, discriminator of width 128, hinge, both players."""
    _mimicry()
    from torch_mimicry.nets.sngan.sngan_32 import SNGANDiscriminator32, SNGANGenerator32

    rival = _rival(SNGANGenerator32(), SNGANDiscriminator32(), batch, 32)
    generator = {"name": "resnet", "width": 256}
    discriminator = {"name": "resnet", "width": 128, "halvings": 2, "blocks": 2, "spectral": True}
    ours = engine_turn(_recipe(generator, discriminator, batch, 32), [], STEPS, "iterations")
    return alternate(f"SNGAN 3×32×32, batch {batch}, one step of each player, {RIVAL}", ours, rival, 5)


def sngan64(batch: int = 4) -> Comparison:
    """SNGAN on 3×64×64: doubling widths from 64 to 1024 in both."""
    _mimicry()
    from torch_mimicry.nets.sngan.sngan_64 import SNGANDiscriminator64, SNGANGenerator64

    rival = _rival(SNGANGenerator64(), SNGANDiscriminator64(), batch, 64)
    generator = {"name": "resnet", "width": 64, "widths": "doubling"}
    discriminator = {**generator, "halvings": 5, "spectral": True}
    ours = engine_turn(_recipe(generator, discriminator, batch, 64), [], STEPS, "iterations")
    return alternate(f"SNGAN 3×64×64, batch {batch}, one step of each player, {RIVAL}", ours, rival, 5)


CASES: dict[str, Callable[[], Comparison]] = {"sngan": sngan, "sngan64": sngan64}


def _mimicry() -> None:
    """Make the rival's networks importable without its data sets and scores."""
    if "torch_mimicry" in sys.modules:
        return
    found = importlib.util.find_spec("torch_mimicry")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install --no-deps torch-mimicry")
    root = Path(found.submodule_search_locations[0])
    for name in ("torch_mimicry", "torch_mimicry.nets"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package


class _Log:
    """What the rival's steps write to; it reads losses out, as our engine does."""

    def add_metric(self, name: str, value: Any, **_: Any) -> None:
        """Take a scalar."""
        float(value)


def _rival(generator: Any, discriminator: Any, batch: int, side: int) -> Callable[[], float]:
    adam_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.0, 0.9))
    adam_d = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.0, 0.9))
    real = (torch.rand(batch, 3, side, side) * 2 - 1, torch.zeros(batch, dtype=torch.long))
    log, cpu = _Log(), torch.device("cpu")

    def steps() -> None:
        for _ in range(STEPS):
            discriminator.train_step(
                real_batch=real, netG=generator, optD=adam_d, log_data=log, device=cpu, global_step=0
            )
            generator.train_step(
                real_batch=real, netD=discriminator, optG=adam_g, log_data=log, device=cpu, global_step=0
            )

    return timed(steps)


def _recipe(generator: Any, discriminator: Any, batch: int, side: int) -> dict[str, Any]:
    path = Path(tempfile.mkdtemp()) / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (8 * batch, 3, side, side), dtype=np.uint8))
    return {
        "model": {"name": "gan", "generator": generator, "discriminator": discriminator, "latent": 128,
                  "objective": "hinge"},
        "optimizer": {"name": "adam", "lr": 2e-4, "betas": [0.0, 0.9]},
        "data": str(path),
        "train": {"length": 1, "batch": batch, "channels_last": True, "precision": "32"},
    }  # fmt: skip


if __name__ == "__main__":
    print_table(__doc__, CASES)
