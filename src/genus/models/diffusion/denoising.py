"""What all denoising models share: a network along a path into noise, guidance, samplers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Denoises, Samples
from genus.core.components import Network, Sampler
from genus.core.drawing import ChoosesSampler, Drawing, sampler_of
from genus.core.errors import CapabilityError, InputError, RecipeError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.noise_path import Estimate, NoisePath, Predicts, like
from genus.core.phase import Context
from genus.core.spec import DataSpec
from genus.layers.condition import StepEmbedding, build_conditioned
from genus.layers.scaling import Scaling
from genus.models.diffusion.guidance import GuidanceOptions, guidance_of
from genus.sampling.denoiser import Denoiser


class Denoising(Model, Samples, Denoises, ChoosesSampler):
    """A network that estimates what noisy examples are made of, at any time of a path into noise.

    Bounded data are scaled to [−1, 1]. The network sees x_t/√(α² d² + σ²) for data of deviation d, beside an
    embedding of the time and of the condition.

    Args:
        spec: the data; any kind without categories.
        network: conditioned on the time.
        path: into noise.
        predicts: what the network returns.
        deviation: d, of the data on the network's scale.
        conditional: learn p(x | condition).
        features: size of the embedding of time and condition, even.
        guidance: of samples.
        sampler: draws samples; None in models with a way of their own.
        sampling_steps: that it takes.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        path: NoisePath,
        predicts: Predicts,
        deviation: float,
        conditional: bool,
        features: int,
        guidance: GuidanceOptions,
        sampler: Sampler | None,
        sampling_steps: int,
    ) -> None:
        super().__init__(spec)
        self.require("an even number of features, 4 or more", features % 2 == 0 and features >= 4)
        self.require_condition(conditional)
        self.conditional, self.features = conditional or guidance.classifier is not None, features
        self.predicts: Predicts = predicts
        self.deviation = deviation
        self.scaling = Scaling(spec)
        self.path = path
        self.embedding = StepEmbedding(features, spec.condition if conditional else None)
        self.network = self.build_network(network)
        self.condition_dropout = guidance.condition_dropout
        self.guidance = guidance_of(guidance, self)
        self.sampler = sampler
        try:
            self.path.grid(sampling_steps)
        except InputError as error:
            raise RecipeError(f"model.sampling_steps={sampling_steps}: {error}") from error
        self.sampling_steps = sampling_steps

    def build_network(self, network: Network) -> nn.Module:
        """The network, from the shape of an example to that of its output."""
        return build_conditioned(network, self.spec.shape, self.spec.shape, self.features)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Range of clean examples on the network's scale, where they have one."""
        return None if self.spec.range is None else (-1.0, 1.0)

    # --- training ----------------------------------------------------------------------------

    def own_parameters(self) -> list[nn.Parameter]:
        """Parameters of the model without what guides it."""
        return [*self.embedding.parameters(), *self.network.parameters()]

    def draw_times(self, n: int, ctx: Context) -> Tensor:
        """Times to train at, float64 ``(n,)``."""
        raise NotImplementedError

    def noisy(self, batch: Batch, ctx: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled examples of a batch, times and noise to train with."""
        x = self.scaling.inward(batch.x)
        time = self.draw_times(len(batch), ctx)
        return x, time, ctx.noise.normal(*x.shape)

    def kept(self, n: int, ctx: Context) -> Tensor | None:
        """Which of ``n`` training examples show their condition, ``(n, 1)``; None where all do."""
        return (ctx.noise.uniform(n, 1) >= self.condition_dropout).float() if self.condition_dropout else None

    def loss_of(self, network: nn.Module, embedding: StepEmbedding, batch: Batch, ctx: Context) -> Tensor:
        """Mean squared error of a network's output, over examples and elements."""
        return self.error_of(network, embedding, self.noisy(batch, ctx), batch, ctx)

    def error_of(
        self,
        network: nn.Module,
        embedding: StepEmbedding,
        drawn: tuple[Tensor, Tensor, Tensor],
        batch: Batch,
        ctx: Context,
    ) -> Tensor:
        """The same for scaled examples, times and noise that are ``drawn`` already."""
        x, time, noise = drawn
        seen = self.path.diffuse(x, time, noise)
        features = embedding(self.path.position(time), self.condition_of(batch), self.kept(len(x), ctx))
        output = network(self.network_input(seen, time), features).to(x.dtype)
        target = self.path.target(x, time, noise, self.predicts, self.deviation)
        return (output - target).square().mean()

    # --- estimates ---------------------------------------------------------------------------

    def network_input(self, x: Tensor, time: Tensor) -> Tensor:
        """Noisy examples at unit deviation."""
        signal, dirt = self.path.coefficients(time)
        return x * like(((signal * self.deviation).square() + dirt.square()).rsqrt(), x)

    def estimate_of(
        self,
        network: nn.Module,
        embedding: StepEmbedding,
        x: Tensor,
        time: Tensor,
        condition: Condition | None,
    ) -> Estimate:
        """Estimate by a network of this model's kind."""
        output = network(self.network_input(x, time), embedding(self.path.position(time), condition))
        return self.path.estimate(output.to(x.dtype), x, time, self.predicts, self.deviation)

    def own_estimate(self, x: Tensor, time: Tensor, condition: Condition | None = None) -> Estimate:
        """Estimate without guidance; without its condition where ``condition`` is None."""
        return self.estimate_of(self.network, self.embedding, x, time, condition)

    def estimate(self, x: Tensor, time: Tensor, condition: Condition | None = None) -> Estimate:
        found = self.own_estimate(x, time, condition)
        return self.guidance.apply_to(found, self, x, time, condition)

    # --- sampling ----------------------------------------------------------------------------

    def denoiser(self, condition: Condition | None) -> Denoiser:
        """The model at conditions, as samplers see it."""
        return Denoiser(self, condition, self.bounds)

    def sampling_times(self) -> Tensor:
        """Times that the sampler visits, falling, float64."""
        return self.path.grid(self.sampling_steps)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw ``n`` examples; classes are uniform where they matter and none are requested."""
        condition = self.requested_or_uniform(n, condition, noise)
        drawn = noise.normal(n, *self.spec.shape).to(next(self.parameters()).dtype)
        start = drawn * self.path.prior_deviation
        times = self.sampling_times().to(start.device)
        assert self.sampler is not None
        denoiser = self.denoiser(condition)
        x = self.sampler(denoiser, start, times, noise)
        self.calls = denoiser.calls * self.guidance.calls
        return self.scaling.outward(x if self.bounds is None else x.clamp(*self.bounds))

    @contextmanager
    def sampled_by(self, drawing: Drawing) -> Iterator[None]:
        before = self.sampler, self.sampling_steps, self.guidance.scale
        if drawing.guidance is not None and not self.guidance.guides:
            raise CapabilityError(
                f"guidance {drawing.guidance:g}: nothing guides this model; train it with "
                "guidance.condition_dropout=0.1, guidance.guide or guidance.classifier"
            )
        try:
            if drawing.sampler:
                self.sampler = sampler_of(drawing.sampler)
            self.sampling_steps = self.sampling_steps if drawing.steps is None else drawing.steps
            self.guidance.scale = self.guidance.scale if drawing.guidance is None else drawing.guidance
            self.sampling_times()  # refuses numbers of steps that the path does not have
            yield
        finally:
            self.sampler, self.sampling_steps, self.guidance.scale = before
