"""Averaged weights, with batch-norm statistics that belong to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.modules.batchnorm import _BatchNorm  # the common base of all batch norms

from genus.core.model import Model


class Average:
    """Exponential moving average of a model's parameters; buffers are copied, not averaged.

    θ̄ ← d θ̄ + (1 − d) θ with d = min(decay, (1 + t) / (10 + t)), so that the average does not
    remember the initial weights. Spectral-norm vectors and other buffers belong to the weights
    they were computed from, so an average of them would mean nothing.

    Args:
        model: the model that is trained.
        decay: weight of the past, in (0, 1).
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._ours: list[Tensor] = list(self.model.parameters())
        self._theirs: list[Tensor] = list(model.parameters())
        self._source = model

    @torch.no_grad()
    def update(self, iteration: int) -> None:
        """Take the current weights into the average; ``iteration`` counts from 0."""
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        if self._ours:
            torch._foreach_lerp_(self._ours, self._theirs, 1 - decay)

    @torch.no_grad()
    def copy_buffers(self) -> None:
        """Bring the buffers up to date with the trained model."""
        for ours, theirs in zip(self.model.buffers(), self._source.buffers(), strict=True):
            ours.copy_(theirs)

    @torch.no_grad()
    def give_back(self, parameters: Iterable[Parameter]) -> None:
        """Let the trained model go on with the average of some of its parameters.

        The running statistics of all batch norms go with them.
        """
        wanted = {id(parameter) for parameter in parameters}
        for ours, theirs in zip(self._ours, self._theirs, strict=True):
            if id(theirs) in wanted:
                theirs.copy_(ours)
        for norm, their_norm in zip(batch_norms(self.model), batch_norms(self._source), strict=True):
            for ours, theirs in zip(norm.buffers(), their_norm.buffers(), strict=True):
                theirs.copy_(ours)


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """All batch-norm layers that keep running statistics."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


def recalibrate(model: nn.Module, passes: Iterable[Callable[[], object]]) -> None:
    """Recompute running statistics as plain means over forward passes; other buffers stay.

    Batch norms that no pass runs through (parts trained in an earlier stage) stay as they are.

    Args:
        model: its batch norms are recalibrated.
        passes: callables, each of which runs the model once on another batch.
    """
    norms = batch_norms(model)
    if not norms:
        return
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    try:
        for run in passes:
            run()
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        fresh = {id(b) for norm in norms if norm.num_batches_tracked for b in norm.buffers()}
        with torch.no_grad():
            for buffer, value in before:
                if id(buffer) not in fresh:
                    buffer.copy_(value)
        model.train(was_training)
