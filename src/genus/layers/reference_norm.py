"""Normalisation by the statistics of a fixed reference batch, instead of the batch at hand.

Unlike batch normalisation it makes an example's output depend on no other example of its batch.
The reference batch goes through the network with the weights of the moment, at every pass, and
gradients flow through it:

>>> layers = nn.Sequential(nn.Linear(2, 3), VirtualBatchNorm(3))
>>> network = WithReference(layers, torch.randn(8, 2))
>>> network(torch.randn(1, 2)).shape
torch.Size([1, 3])
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError

_EPSILON = 1e-5


class ReferenceBatchNorm(nn.Module):
    r"""Normalise each channel by the mean and variance of the reference batch, then scale and shift.

    .. math:: y = \gamma \frac{x - \mu_r}{\sqrt{\sigma_r^2 + \epsilon}} + \beta

    It works inside :func:`reference_pass` only; :class:`WithReference` takes care of that.

    Args:
        channels: number of channels.

    Paper: arXiv:1606.03498 (the first of the two steps to its virtual batch normalisation).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.recording = False
        self.moments: tuple[Tensor, Tensor, int] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(n, channels, *size)``, in float32 at least."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        if self.recording:
            mean, variance = _moments(wide, (0, *range(2, x.dim())))
            self.moments = mean, variance, len(x)
        elif self.moments is None:
            raise RecipeError(
                "reference or virtual batch normalisation has no reference batch here; wrap the "
                "network in WithReference, or choose another norm"
            )
        else:
            mean, variance = self._combined(wide, self.moments)
        shape = (1, -1, *(1,) * (x.dim() - 2))
        scale = torch.rsqrt(variance + _EPSILON) * self.weight.view(shape)
        return ((wide - mean) * scale + self.bias.view(shape)).to(x.dtype)

    def _combined(self, x: Tensor, moments: tuple[Tensor, Tensor, int]) -> tuple[Tensor, Tensor]:
        """Mean and variance to normalise with, as broadcastable tensors."""
        return moments[0], moments[1]


class VirtualBatchNorm(ReferenceBatchNorm):
    r"""As reference batch normalisation, with the example itself as one more member of the batch.

    .. math:: \mu = \frac{1}{m + 1} \mu_x + \frac{m}{m + 1} \mu_r

    and the same of the mean squares, m the size of the reference batch; an example's own means
    run over its places.

    Args:
        channels: number of channels.

    Paper: arXiv:1606.03498.
    """

    def _combined(self, x: Tensor, moments: tuple[Tensor, Tensor, int]) -> tuple[Tensor, Tensor]:
        mean, variance, count = moments
        own_mean, own_variance = _moments(x, tuple(range(2, x.dim())))
        share = 1 / (count + 1)
        # Mean square minus squared mean, rearranged: as a difference it would lose its digits.
        between = share * (1 - share) * (own_mean - mean).square()
        return mean.lerp(own_mean, share), variance.lerp(own_variance, share) + between


class WithReference(nn.Module):
    """A network that normalises by a reference batch of inputs, run through it before every pass.

    Twice the cost of the network alone where the reference batch is as large as the batch. The
    reference is a buffer: it is saved, and the same at evaluation.

    Args:
        network: with layers of the classes above.
        reference: ``(m, *inputs)``, m >= 2, chosen once and kept.
        condition: the network's condition for these inputs, ``(m, …)``; None for nothing.

    Raises:
        RecipeError: when the network has no such layer, or the reference fewer than 2 examples.
    """

    reference: Tensor
    condition: Tensor | None

    def __init__(self, network: nn.Module, reference: Tensor, condition: Tensor | None = None) -> None:
        super().__init__()
        if not has_reference_norm(network):
            raise RecipeError(
                "a reference batch needs a network with reference or virtual batch normalisation"
            )
        if len(reference) < 2:
            raise RecipeError(f"a reference batch needs at least 2 examples, got {len(reference)}")
        self.network = network
        self.register_buffer("reference", reference.detach().clone())
        self.register_buffer("condition", None if condition is None else condition.detach().clone())

    def hold(self, reference: Tensor, condition: Tensor | None = None) -> None:
        """Take another reference batch of the same shape.

        Raises:
            RecipeError: when the shapes differ.
        """
        pairs = [("reference", self.reference, reference), ("condition", self.condition, condition)]
        for name, kept, new in pairs:
            if _shape(kept) != _shape(new):
                raise RecipeError(f"the {name} is {_shape(kept)}, got {_shape(new)}; keep its shape")
        for _, kept, new in pairs:
            if kept is not None and new is not None:
                kept.copy_(new.detach())

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map ``(n, *inputs)`` to ``(n, *outputs)``."""
        with reference_pass(self.network, self.reference, self.condition):
            return self.network(x) if condition is None else self.network(x, condition)


@contextmanager
def reference_pass(network: nn.Module, reference: Tensor, condition: Tensor | None = None) -> Iterator[None]:
    """Within it, the network's layers normalise by what ``reference`` gives with its weights now.

    Args:
        network: with :class:`ReferenceBatchNorm` or :class:`VirtualBatchNorm`.
        reference: ``(m, *inputs)``.
        condition: the network's condition for it; None for nothing.
    """
    layers = list(_reference_norms(network))
    try:
        for layer in layers:
            layer.recording = True
        if condition is None:
            network(reference)
        else:
            network(reference, condition)
        for layer in layers:
            layer.recording = False
        yield
    finally:
        for layer in layers:
            layer.recording, layer.moments = False, None


def has_reference_norm(network: nn.Module) -> bool:
    """Whether a network normalises by a reference batch."""
    return any(True for _ in _reference_norms(network))


def _reference_norms(network: nn.Module) -> Iterator[ReferenceBatchNorm]:
    return (layer for layer in network.modules() if isinstance(layer, ReferenceBatchNorm))


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes, which stay as ones; over none, x and zeros."""
    if not axes:
        return x, torch.zeros_like(x)
    return x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)


def _shape(x: Tensor | None) -> str:
    return "none" if x is None else str(tuple(x.shape))
