"""Style-based GANs: mixing of styles, path length regularisation, truncation towards the mean style."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import StyleSpace
from genus.core.errors import CapabilityError, RecipeError
from genus.core.network import Styled
from genus.core.noise import Noise
from genus.core.observations import Observation
from genus.core.phase import Averages, Context, Terms
from genus.core.ranges import Count, Share, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.precision import wide_on_processors
from genus.models.adversarial.gan import GAN
from genus.models.adversarial.generator_discriminator import Generator
from genus.objectives.path_length import path_length_penalty

MEAN_STYLES = 4096
"""Latents behind the mean style."""


@model("style-gan", paper="arXiv:1912.04958")
class StyleGAN(GAN, StyleSpace):
    """A GAN whose generator maps latents to styles w of its layers.

    Two latents are mixed in some of the training examples: w₁ up to a random layer, w₂ from there.
    Path length regularisation, E(‖J_wᵀ y‖ − a)² with y ~ N(0, I) and a the mean length so far, makes
    steps of equal size in w change images equally. Truncation takes styles towards their mean:
    w̄ + ψ(w − w̄).
    """

    mean_length: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        mixing: Share = 0.9,
        path_length: Weight = 2.0,
        path_length_every: Count = 4,
        **gan: Any,
    ) -> None:
        """Build generator and discriminator.

        Args:
            mixing: share of training examples with two styles, in [0, 1].
            path_length: weight of the path length term; 0 for none.
            path_length_every: compute it every k iterations only, k times as strong.
            gan: see :class:`GAN`; the generator must be style-based.

        Raises:
            RecipeError: when the generator has no styles.
        """
        super().__init__(spec, **gan)
        if not isinstance(self.generator.network, Styled):
            raise RecipeError(
                "model 'style-gan' needs a generator with styles: stylegan, stylegan2 or styleswin"
            )
        self.mixing = mixing
        self.path_length = path_length
        self.path_length_every = path_length_every
        self.register_buffer("mean_length", torch.zeros(()))

    def fakes(self, n: int, condition: Condition | None, ctx: Context) -> Tensor:
        return self._draw(self._mixed(n, condition, ctx.noise), ctx.noise)

    def generate(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        return self._draw(self._everywhere(self.styled_generator.styles(z, condition)), noise)

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        """As a GAN's, and the path length term in some iterations."""
        terms = dict(super().generator_loss(batch, ctx))
        if self.path_length and ctx.progress.stage_iteration % self.path_length_every == 0:
            condition = self.conditioning.condition_of(batch, ctx.noise)
            with wide_on_processors(batch.x.device):  # a gradient of a gradient
                styles = self._mixed(len(batch), condition, ctx.noise)
                images = self._draw(styles, ctx.noise)
                penalty, lengths = path_length_penalty(images, styles, self.mean_length, ctx.noise)
            ctx.observe(**{Observation.PATH_LENGTH: lengths.mean()})
            terms["path length penalty"] = self.path_length * self.path_length_every * penalty
        return terms

    def after_generator(self, averages: Averages) -> None:
        """Follow the mean path length."""
        super().after_generator(averages)
        if Observation.PATH_LENGTH in averages:
            self.mean_length.lerp_(torch.tensor(averages[Observation.PATH_LENGTH]).to(self.mean_length), 0.01)

    # --- styles ------------------------------------------------------------------------------

    def map_latent(self, z: Tensor, *, condition: Condition | None = None) -> Tensor:
        """As :meth:`StyleSpace.map_latent`; codes that are drawn at random are the same for all latents."""
        if self.codes is not None:
            one = self.conditioning.draw(1, Noise(0, device=z.device))
            assert one is not None
            drawn = one.expand(len(z), -1)
            condition = (
                torch.where(condition.isnan(), drawn, condition) if isinstance(condition, Tensor) else drawn
            )
        return self.styled_generator.styles(z, condition)

    def generate_from_styles(self, styles: Tensor, *, noise: Noise) -> Tensor:
        styles = styles if styles.dim() == 3 else self._everywhere(styles)
        return self.scaling.outward(self._draw(styles, noise))

    def mean_style(self) -> Tensor:
        """w̄ over latents, and over classes where there are classes; ``(style_size,)``.

        Raises:
            CapabilityError: for other conditions, whose distribution the model does not know.
        """
        space = self.spec.condition
        if self.conditional and space is not None and space.kind != "class":
            raise CapabilityError(
                f"truncation is towards the mean style, over classes; this model is conditioned on "
                f"{space.describe()}: leave truncation out"
            )
        weight = next(self.generator.parameters())
        noise = Noise(0, device=weight.device)
        z = noise.normal(MEAN_STYLES, self.latent).to(weight.dtype)
        if self.conditional:
            condition = torch.arange(MEAN_STYLES, device=weight.device) % self.spec.num_classes
        else:
            condition = self.conditioning.draw(MEAN_STYLES, noise)
        return self.map_latent(z, condition=condition).mean(0)

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, truncation: float | None = None
    ) -> Tensor:
        """As :meth:`Samples.sample`; ``truncation`` is ψ, in [0, 1] and 1 for none."""
        z = self.draw_latent(n, noise=noise)
        if truncation is None:
            return self.generate_from(z, condition=condition, noise=noise)
        condition = self.conditioning.complete(condition, n, noise)
        mean = self.mean_style()
        styles = mean + truncation * (self.map_latent(z, condition=condition) - mean)
        return self.generate_from_styles(styles, noise=noise)

    def _mixed(self, n: int, condition: Condition | None, noise: Noise) -> Tensor:
        """Styles ``(n, layers, style_size)`` of new latents, two in some examples."""
        first, second = (
            self.styled_generator.styles(noise.normal(n, self.latent), condition) for _ in range(2)
        )
        layers = self.num_styles
        cut = 1 + (noise.uniform(n) * (layers - 1)).floor()
        cut = cut.masked_fill(noise.uniform(n) >= self.mixing, layers)
        late = torch.arange(layers, device=cut.device) >= cut[:, None]
        return torch.where(late[:, :, None], second[:, None], first[:, None])

    def _everywhere(self, styles: Tensor) -> Tensor:
        return styles[:, None].expand(-1, self.num_styles, -1)

    def _draw(self, styles: Tensor, noise: Noise) -> Tensor:
        network = self.generator.network
        assert isinstance(network, Styled)
        return self.scaling.squash(network.synthesis(styles, noise))

    @property
    def styled_generator(self) -> Generator:
        """The generator, with the condition at its input."""
        assert isinstance(self.generator, Generator)
        return self.generator

    @property
    def num_styles(self) -> int:
        """Layers that take a style."""
        network = self.generator.network
        assert isinstance(network, Styled)
        return network.num_styles
