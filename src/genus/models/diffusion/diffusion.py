"""Denoising in continuous time: any path, any prediction, any sampler; flow matching is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density
from genus.core.components import Network, Sampler
from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.core.noise_path import NoisePathFactory, TimeDistribution
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Positive, ShareBelow1
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.discrete import dequantise
from genus.layers.noise_paths import Straight
from genus.models.diffusion.denoising import Denoising
from genus.models.diffusion.guidance import GuidanceOptions
from genus.models.diffusion.reflow import Reflow
from genus.objectives.transport_pairs import transport_order
from genus.sampling.probability_flow import log_likelihood


@model("diffusion", paper="arXiv:2011.13456")
class Diffusion(Denoising, Density):
    """Denoising model in continuous time; its samples and its likelihood are those of one ODE.

    Trained on the mean squared error of the network's output at random times. With a straight path and
    ``velocity`` it is flow matching, with a variance exploding path and ``residual`` EDM, with ``noise`` on
    such a path a noise-conditional score network. The log-likelihood is that of the probability-flow ODE;
    data with levels are dequantised.

    Args:
        network: conditioned on the time; ``unet`` for images and volumes, ``residual-mlp`` for vectors.
        path: from data into noise.
        predicts: what the network returns: ``noise``, ``clean``, ``v``, ``velocity`` or
            ``residual``.
        times: distribution of the times of training.
        deviation: of the data on the network's scale, [−1, 1] where they are bounded.
        coupling: noise and examples of a batch are independent, or paired by optimal transport
            (arXiv:2302.00482), which straightens the ODE; within each class of a conditional model.
        reflow: share of the training, at its end, in which noise is paired with what the model's own ODE made
            of it when that part began (arXiv:2209.03003): the ODE becomes straighter, and fewer steps do. In
            [0, 1); needs the path ``straight``.
        reflow_steps: of Heun's method for those pairs.
        conditional: learn p(x | condition).
        features: size of the embedding of time and condition, even.
        guidance: of samples.
        sampler: draws samples.
        sampling_steps: that it takes.
        tolerance: of the ODE of the likelihood.
        probes: random directions of the divergence in the likelihood, which then is an estimate; null for all
            coordinates.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        path: NoisePathFactory,
        predicts: Literal["noise", "clean", "v", "velocity", "residual"] = "noise",
        times: TimeDistribution,
        deviation: Positive = 1.0,
        coupling: Literal["independent", "transport"] = "independent",
        reflow: ShareBelow1 = 0.0,
        reflow_steps: Count = 10,
        conditional: bool = False,
        features: Count = 128,
        guidance: GuidanceOptions,
        sampler: Sampler,
        sampling_steps: Count = 25,
        tolerance: Positive = 1e-5,
        probes: Count | None = None,
    ) -> None:
        super().__init__(
            spec, network=network, path=path(), predicts=predicts, deviation=deviation,
            conditional=conditional, features=features, guidance=guidance, sampler=sampler,
            sampling_steps=sampling_steps,
        )  # fmt: skip
        by_class = not conditional or spec.num_classes > 0 or coupling == "independent"
        self.require("classes, or no condition, for coupling=transport", by_class)
        self.times, self.coupling = times, coupling
        self.tolerance, self.probes = tolerance, probes
        self.levels = spec.levels
        straight = not reflow or isinstance(self.path, Straight)
        self.require("the path straight, for reflow", straight)
        self.reflow_share, self.reflow = reflow, Reflow(self, reflow_steps) if reflow else None
        self.kind = "exact" if probes is None else "estimate"

    def stages(self) -> Sequence[Stage]:
        """What prepares, the training on data, and with reflow that on the model's own pairs."""
        if self.reflow is None:
            return super().stages()
        straighten = Phase(name="straighten", updates={"network": self.own_parameters}, loss=self.reflow_loss)
        return [
            *self.preparation(),
            Stage(name="train", phases=self.phases(), share=1 - self.reflow_share),
            Stage(
                name="reflow", phases=[straighten], share=self.reflow_share,
                enter=partial(self.reflow.begin, self),
            ),
        ]  # fmt: skip

    def phases(self) -> Sequence[Phase]:
        """The network's phase, and those of what guides it."""
        own = Phase(
            name="denoise", updates={"network": self.own_parameters}, loss=self.loss,
            whole_batch=self.coupling == "transport",
        )  # fmt: skip
        return [own, *self.guidance.phases(self)]

    def reflow_loss(self, batch: Batch, ctx: Context) -> Terms:
        """The same error on straight paths between noise and the examples that the ODE made of it."""
        assert self.reflow is not None
        noise = ctx.noise.normal(*batch.x.shape).to(batch.x.dtype)
        x = self.reflow.examples(self, noise, self.condition_of(batch))
        time = self.draw_times(len(x), ctx)
        return {"error": self.error_of(self.network, self.embedding, (x, time, noise), batch, ctx)}

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Mean squared error of the network's output."""
        return {"error": self.loss_of(self.network, self.embedding, batch, ctx)}

    def draw_times(self, n: int, ctx: Context) -> Tensor:
        return self.times(ctx.noise.uniform(n).double(), self.path)

    def noisy(self, batch: Batch, ctx: Context) -> tuple[Tensor, Tensor, Tensor]:
        x, time, noise = super().noisy(batch, ctx)
        if self.coupling == "transport":
            labels = self.spec.class_labels(batch.condition) if self.conditional else None
            noise = noise[transport_order(x, noise, labels)]
        return x, time, noise

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Log-likelihood of the probability-flow ODE, nats; a one-sample bound for data with levels."""
        if self.conditional and condition is None:
            raise InputError("this model is conditional: pass the condition of each example")
        volume = 0.0
        if self.levels is not None:
            x, volume = dequantise(x, self.spec, noise)
        with torch.no_grad():
            found = log_likelihood(
                self.denoiser(condition), self.scaling.inward(x), noise=noise, tolerance=self.tolerance,
                probes=self.probes,
            )  # fmt: skip
        return found + self.scaling.log_volume.to(found) + volume
