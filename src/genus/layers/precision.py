"""Where bfloat16 does not do on processors."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def wide_on_processors(device: torch.device) -> AbstractContextManager[object]:
    """On a processor without autocast; elsewhere autocast decides.

    Torch's convolutions there return wrong numbers in bfloat16, without an error, where the gradient of a
    dilated kernel is taken, and where a gradient is differentiated again, for batches of 2 to 14 examples.

    Args:
        device: of the computation.
    """
    return torch.autocast("cpu", enabled=False) if device.type == "cpu" else nullcontext()


def wide(x: torch.Tensor) -> torch.Tensor:
    """A tensor in float32 at least, as layers without autocast want it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
