"""Running statistics of batch normalisation, collected anew as plain means over forward passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # the common base of all batch norms


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """All batch-norm layers that keep running statistics."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


def others(model: nn.Module, norms: Sequence[_BatchNorm]) -> list[Tensor]:
    """Buffers of a model that are not those of these layers."""
    theirs = {id(buffer) for norm in norms for buffer in norm.buffers()}
    return [buffer for buffer in model.buffers() if id(buffer) not in theirs]


@contextmanager
def keeping(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Give tensors back the values that they had before.

    >>> x = torch.zeros(2)
    >>> with keeping([x]):
    ...     _ = x.add_(1)
    >>> x
    tensor([0., 0.])
    """
    before = [(tensor, tensor.clone()) for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


@contextmanager
def collecting(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    """Replace running statistics by plain means over the forward passes made within.

    The mean of the batches' means, and of their unbiased variances. Only these layers are in training
    mode for it; they get their modes back, and those that no pass runs through their statistics.

    >>> norm = nn.BatchNorm1d(1).eval()
    >>> with collecting([norm]):
    ...     _ = norm(torch.tensor([[0.0], [2.0]])), norm(torch.tensor([[3.0], [7.0]]))
    >>> norm.running_mean, norm.running_var, norm.training
    (tensor([3.]), tensor([5.]), False)
    """
    before = [(norm.momentum, norm.training, [b.clone() for b in norm.buffers()]) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
        norm.train()
    try:
        yield
    finally:
        for norm, (momentum, training, values) in zip(norms, before, strict=True):
            if not norm.num_batches_tracked:
                for buffer, value in zip(norm.buffers(), values, strict=True):
                    buffer.copy_(value)
            norm.momentum = momentum
            norm.train(training)
