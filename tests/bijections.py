"""What every bijection must keep."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genus.layers.bijection import Bijection


def shaken(module: nn.Module, scale: float = 0.5) -> nn.Module:
    """Move a flow away from the identity it starts as: gains, scales and shifts become random."""
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        if name.endswith(("gain", "log_scale", "shift", "log_diagonal")):
            nn.init.normal_(parameter, std=scale)
    return module


def check_bijection(layer: Bijection, shape: tuple[int, ...], *, scale: float = 1.0) -> None:
    """The log-determinant is that of the Jacobian, and the inverse undoes it, in float64."""
    layer = layer.double()
    x = scale * torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y, change = layer(x)
    assert y[0].numel() == x[0].numel()
    assert change.shape == (2,)
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer(v[None])[0].flatten(), x[i])
        _, expected = torch.linalg.slogdet(jacobian.reshape(x[i].numel(), -1))
        assert float(change[i].detach()) == pytest.approx(float(expected), abs=1e-8)
        assert abs(float(expected)) > 1e-6  # it does something
    with torch.no_grad():
        assert (layer.inverse(y) - x).abs().max() < 1e-8
