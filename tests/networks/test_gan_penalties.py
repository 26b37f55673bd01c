"""Penalties on slopes reach the weights of every discriminator, through fused convolutions, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from genus.networks.biggan import biggan
from genus.networks.laplacian import laplacian_level
from genus.networks.progan import progan
from genus.networks.resnet_gan import resnet

SHAPE = (2, 33, 18)  # large enough for the fused convolutions, odd and not square
DISCRIMINATORS: dict[str, Callable[[], nn.Module]] = {
    "resnet": lambda: resnet(SHAPE, (1,), width=4, attention=1, spectral=True, norm="instance"),
    "biggan": lambda: biggan(SHAPE, (1,), width=4, attention=1),
    "progan": lambda: progan(SHAPE, (1,), width=4),
    "laplacian-level": lambda: laplacian_level(SHAPE, (1,), width=4),
}


def penalty(net: nn.Module, x: Tensor) -> Tensor:
    """Mean squared slope of the score, differentiable in the weights."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_slopes_of_penalties_agree_with_differences(name: str) -> None:
    torch.manual_seed(0)
    net = DISCRIMINATORS[name]().double().eval()  # spectral norms do not iterate in evaluation
    for key, parameter in net.named_parameters():
        if key.endswith("share"):
            nn.init.ones_(parameter)
    x = torch.randn(4, *SHAPE, dtype=torch.float64)
    penalty(net, x).backward()
    parameters = [p for p in net.parameters() if p.grad is not None]
    direction = [torch.randn_like(p) * p.detach().abs().mean() for p in parameters]
    found = sum((p.grad * d).sum() for p, d in zip(parameters, direction, strict=True) if p.grad is not None)
    values = []
    step = 1e-7  # so small that hardly any rectifier changes its side
    for sign in (1, -1):
        with torch.no_grad():
            for p, d in zip(parameters, direction, strict=True):
                p.add_(d, alpha=step * sign)
        values.append(penalty(net, x).item())
        with torch.no_grad():
            for p, d in zip(parameters, direction, strict=True):
                p.sub_(d, alpha=step * sign)
    assert float(found) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3)
