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

from benchmarks.harness import Turn, alternate, engine_turn, high_water, memory_line, start_table, timed
from genus.training.callbacks import Callback, Moment

STEPS = 2
RIVAL = "vs torch-mimicry 0.1.16"


def ours_sngan(*callbacks: Callback) -> Turn:
    """SNGAN on 3×32×32: generator of width 256, discriminator of width 128, hinge, both players."""
    generator = {"name": "resnet", "width": 256}
    discriminator = {"name": "resnet", "width": 128, "halvings": 2, "blocks": 2, "spectral": True}
    return engine_turn(_recipe(generator, discriminator, 8, 32), [], STEPS, "iterations", callbacks)


def rival_sngan() -> Turn:
    """The rival's for CIFAR."""
    _mimicry()
    from torch_mimicry.nets.sngan.sngan_32 import SNGANDiscriminator32, SNGANGenerator32

    return _rival(SNGANGenerator32(), SNGANDiscriminator32(), 8, 32)


def ours_sngan64(*callbacks: Callback) -> Turn:
    """SNGAN on 3×64×64: doubling widths from 64 to 1024 in both."""
    generator = {"name": "resnet", "width": 64, "widths": "doubling"}
    discriminator = {**generator, "halvings": 5, "spectral": True}
    return engine_turn(_recipe(generator, discriminator, 4, 64), [], STEPS, "iterations", callbacks)


def rival_sngan64() -> Turn:
    """The rival's for 64²."""
    _mimicry()
    from torch_mimicry.nets.sngan.sngan_64 import SNGANDiscriminator64, SNGANGenerator64

    return _rival(SNGANGenerator64(), SNGANDiscriminator64(), 4, 64)


CASES: dict[str, tuple[str, Callable[..., Turn], Callable[[], Turn]]] = {
    "sngan": ("SNGAN 3×32×32, batch 8", ours_sngan, rival_sngan),
    "sngan64": ("SNGAN 3×64×64, batch 4", ours_sngan64, rival_sngan64),
}
"""What is timed, ours and the rival's."""


class _HighWater(Callback):
    """Reads memory where each update ends, before sheets are drawn and checkpoints written."""

    def __init__(self) -> None:
        self.last: int | None = None

    def stepped(self, moment: Moment) -> None:
        del moment
        self.last = high_water()


def peak(case: str, which: int) -> int:
    """Memory that the steps of a turn add at their peak to a process that has built both players, in MB."""
    _, ours, rival = CASES[case]
    seen = _HighWater()
    turn = rival() if which else ours(seen)
    before = high_water()
    turn()
    return ((seen.last or high_water()) - before) // 1024


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


def main() -> None:
    """Run the named cases, or all, and print a Markdown table."""
    for name in start_table(__doc__, CASES):
        title, ours, rival = CASES[name]
        row = f"{title}, {STEPS} steps of both players, {RIVAL}"
        print(alternate(row, ours(), rival(), 5).line(), flush=True)
        print(memory_line(name, peak), flush=True)


if __name__ == "__main__":
    main()
