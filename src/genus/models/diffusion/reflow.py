"""Reflow: a model learns the pairs of noise and example that its own ODE has found, along straight paths."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from genus.core.batch import Condition
from genus.core.capabilities import Denoises
from genus.core.noise import Noise
from genus.core.noise_path import Estimate
from genus.layers.condition import StepEmbedding
from genus.sampling.denoiser import Denoiser
from genus.sampling.samplers.differential import heun

if TYPE_CHECKING:
    from genus.models.diffusion.denoising import Denoising


class Reflow(nn.Module):
    """A copy of a model as it stood when reflow began, and the pairs that its ODE makes (arXiv:2209.03003).

    No optimiser group has the copy's parameters. Only the trained model uses its copy; that of the averaged
    model means nothing.

    Args:
        model: whose embedding and network are copied.
        steps: of Heun's method from noise to an example.
    """

    begun: Tensor

    def __init__(self, model: Denoising, steps: int) -> None:
        super().__init__()
        self.embedding, self.network = copy.deepcopy(model.embedding), copy.deepcopy(model.network)
        self.requires_grad_(False)
        self.steps = steps
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def begin(self, model: Denoising) -> None:
        """Copy the model's weights, once, even when a run resumes."""
        if self.begun:
            return
        self.begun.fill_(True)
        for own, theirs in ((self.embedding, model.embedding), (self.network, model.network)):
            own.load_state_dict(theirs.state_dict())

    @torch.no_grad()
    def examples(self, model: Denoising, noise: Tensor, condition: Condition | None) -> Tensor:
        """Where the copy's ODE leads from ``noise``, on the network's scale, shaped like it."""
        start = noise * model.path.prior_deviation
        times = model.path.grid(self.steps).to(noise.device)
        return heun(Denoiser(_Copy(self, model), condition), start, times, Noise(0))


class _Copy(Denoises):
    """The copy, as samplers see it."""

    def __init__(self, reflow: Reflow, model: Denoising) -> None:
        self.path, self.reflow, self.model = model.path, reflow, model

    def estimate(self, x: Tensor, time: Tensor, condition: Condition | None = None) -> Estimate:
        embedding, network = self.reflow.embedding, self.reflow.network
        assert isinstance(embedding, StepEmbedding)
        return self.model.estimate_of(network, embedding, x, time, condition)
