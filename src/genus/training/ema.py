"""Averaged weights, with batch-norm statistics that belong to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from genus.core.model import Model
from genus.layers.batch_norm_statistics import batch_norms, collecting, keeping, others


class Average:
    """Exponential moving average of a model's parameters; buffers are copied, not averaged.

    θ̄ ← d θ̄ + (1 − d) θ with d = min(decay, (1 + t) / (10 + t)), t iterations into the stage, so
    that the average remembers neither initial weights nor those from before what a stage brings
    in, a generator's next resolution, say. Spectral-norm vectors and other buffers belong to the weights
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
        """Take the current weights into the average; ``iteration`` counts from 0 in each stage."""
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
    was_training = model.training
    model.train()
    try:
        with keeping(others(model, norms)), collecting(norms):
            for run in passes:
                run()
    finally:
        model.train(was_training)
