"""Activation normalisation: scales and shifts that begin where a first batch puts them, and are learned."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genus.layers.bijection import Bijection

SMALLEST = 1e-3
"""Floor of the standard deviation of a channel, so that constant ones stay finite."""


class ActivationNorm(Bijection):
    """y = x exp(s) + t with learned s and t per channel (arXiv:1807.03039, section 3.1).

    The identity until :meth:`initialise` has seen a batch, which then leaves it with mean 0 and
    deviation 1 in each channel. The buffer ``initialised`` says whether that has happened.

    Args:
        channels: of x, or coordinates of vectors.
        dims: number of sides, 0 for vectors.
    """

    initialised: Tensor

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels, *[1] * dims))
        self.shift = nn.Parameter(torch.zeros(channels, *[1] * dims))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x| = places · Σ s, ``(n,)``."""
        places = x[0, 0].numel()
        y = torch.addcmul(self.shift, x, self.log_scale.exp())
        return y, (places * self.log_scale.sum()).expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Return x."""
        return (y - self.shift) * (-self.log_scale).exp()

    @torch.no_grad()
    def initialise(self, x: Tensor, sum_over_ranks: Callable[[Tensor], Tensor]) -> None:
        """Standardise a batch; does nothing the second time.

        Args:
            x: this rank's part of the batch, ``(n, channels, *sides)``.
            sum_over_ranks: adds a tensor over all ranks.
        """
        if self.initialised:
            return
        values = x.double().transpose(0, 1).flatten(1)
        ones = values.new_full((len(values),), values.shape[1])
        count, total, squares = sum_over_ranks(torch.stack([ones, values.sum(1), values.square().sum(1)]))
        mean = total / count
        spread = (squares / count - mean.square()).clamp_min(SMALLEST**2).sqrt()
        self.log_scale.copy_(-spread.log().view_as(self.log_scale))
        self.shift.copy_((-mean / spread).view_as(self.shift))
        self.initialised.fill_(True)


@torch.no_grad()
def initialise(flow: Bijection, x: Tensor, sum_over_ranks: Callable[[Tensor], Tensor]) -> None:
    """Initialise each :class:`ActivationNorm` of a flow, in order, with what reaches it of a batch.

    Args:
        flow: evaluated once.
        x: this rank's part of the batch.
        sum_over_ranks: adds a tensor over all ranks.
    """

    def standardise(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, ActivationNorm)
        layer.initialise(arguments[0], sum_over_ranks)

    hooks = [norm.register_forward_pre_hook(standardise) for norm in activation_norms(flow)]
    try:
        flow(x)
    finally:
        for hook in hooks:
            hook.remove()


def activation_norms(flow: nn.Module) -> list[ActivationNorm]:
    """All activation normalisations of a flow."""
    return [layer for layer in flow.modules() if isinstance(layer, ActivationNorm)]
