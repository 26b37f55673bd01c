"""SinGAN: a pyramid of GANs that learns from the patches of one image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Redraws
from genus.core.components import Losses, Objective, Penalty
from genus.core.errors import RecipeError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Positive, ShareInside, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.cubic import resample
from genus.layers.patch_net import PatchNet
from genus.layers.scaling import Scaling
from genus.models.adversarial.discriminator_terms import penalty_terms
from genus.models.adversarial.patch_pyramid import PatchPyramid, pyramid_of, scaled


@model("singan", paper="arXiv:1905.01164")
class SinGAN(Model, Redraws):
    """One small convolutional GAN per size of the image, trained one after the other.

    x_k = up(x_{k−1}) + G_k(σ_k z_k + up(x_{k−1})), from pure noise at the smallest size. The critic of a
    size judges patches, so the networks learn what patches look like and not the image; a reconstruction term
    keeps the image itself within reach: fixed noise z* at the smallest size and none above give it back. σ_k
    follows the error of that reconstruction, enlarged.

    Args:
        objective: what generator and critic of each size minimise; every patch counts as an example.
        penalties: added to the critic's loss; its score for an image is the mean over patches.
        width: channels of both networks at the smallest sizes.
        widen_every: double the width after so many sizes.
        depth: convolutions of each network; patches have the side 2 · depth + 1.
        norm: between the convolutions. In training ``instance`` is the authors' batch norm, since a batch
            is one image; it stays what it was when samples are drawn.
        factor: of a size to the next larger one, about, in (0, 1).
        smallest: shortest side at which drawing begins.
        discriminator_steps: critic updates per iteration.
        generator_steps: generator updates per iteration.
        reconstruction: weight of the squared error of the reconstruction.
        noise_share: σ_k over the root mean squared error of the enlarged reconstruction.
        coarse_ratio: length of a size's training over that of the next larger one, > 0.
    """

    one_example = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        objective: Objective,
        penalties: Sequence[Penalty] = (),
        width: Count = 32,
        widen_every: Count = 4,
        depth: Count = 5,
        norm: Literal["batch", "layer", "instance", "none"] = "instance",
        factor: ShareInside = 0.75,
        smallest: Count = 25,
        discriminator_steps: Count = 3,
        generator_steps: Count = 3,
        reconstruction: Weight = 10.0,
        noise_share: Weight = 0.1,
        coarse_ratio: Positive = 1.0,
    ) -> None:
        """Build a generator and a critic for each size.

        Raises:
            RecipeError: for data without spatial axes, images smaller than ``smallest``, or patches larger.
        """
        super().__init__(spec)
        channels, *size = spec.shape
        dims = len(size)
        self.require("an image, a volume or a sequence (data.path=FILE names an image)", dims in (1, 2, 3))
        self.require(f"sides of {smallest} or more (model.smallest)", min(size) >= smallest)
        if smallest <= 2 * depth:
            raise RecipeError(
                f"model.smallest={smallest}: patches have the side {2 * depth + 1} at depth {depth}; choose "
                "a larger smallest side, or less depth"
            )
        self.scaling = Scaling(spec)
        self.sizes = pyramid_of(tuple(size), smallest, factor)
        self.objective = objective
        self.penalties = penalties
        self.steps = {"discriminator": discriminator_steps, "generator": generator_steps}
        self.reconstruction = reconstruction
        self.noise_share = noise_share
        self.coarse_ratio = coarse_ratio
        self.factor = factor
        self.num_scales = len(self.sizes)
        self.widths = [width * 2 ** (k // widen_every) for k in range(self.num_scales)]

        def network(outputs: int, width: int, *, padded: bool) -> nn.Module:
            return PatchNet(dims, channels, outputs, width=width, depth=depth, norm=norm, padded=padded)

        self.pyramid = PatchPyramid(
            channels,
            self.sizes,
            network=lambda k: network(channels, self.widths[k], padded=True),
            squash=self.scaling.squash,
        )
        self.critics = nn.ModuleList(network(1, w, padded=False) for w in self.widths)

    def stages(self) -> Sequence[Stage]:
        """For each size one step that prepares it, then its game."""
        pairs = [[self._preparing(k), self._playing(k)] for k in range(self.num_scales)]
        return sum(pairs, self.preparation())

    def _preparing(self, k: int) -> Stage:
        return Stage(
            name=f"before size {k + 1}",
            length=Length(1, "iterations"),
            phases=[Phase(name="prepare", step=lambda batch, ctx: self.prepare(k, batch, ctx))],
        )

    def _playing(self, k: int) -> Stage:
        def phase(name: str, player: nn.Module, loss: Callable[[int, Batch, Context], Terms]) -> Phase:
            return Phase(
                name=name,
                updates={name: player.parameters},
                loss=lambda batch, ctx: loss(k, batch, ctx),
                repeat=self.steps[name],
                whole_batch=True,  # it is one image
            )

        size = "×".join(str(side) for side in self.sizes[k])
        return Stage(
            name=f"size {k + 1} of {self.num_scales}, {size}",
            share=self.coarse_ratio ** (self.num_scales - 1 - k),
            phases=[
                phase("discriminator", self.critics[k], self.critic_loss),
                phase("generator", self.pyramid.generators[k], self.generator_loss),
            ],
        )

    def prepare(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """Begin size ``k``: with the weights of the size before where they fit, and its amount of noise."""
        pyramid = self.pyramid
        pyramid.begun.fill_(k + 1)
        pyramid.train(self.training)
        before = pyramid.rebuilt(k - 1)
        if before is None:
            pyramid.fixed.copy_(pyramid.noise(0, 1, self.sizes[0], ctx.noise))
        else:
            if self.widths[k] == self.widths[k - 1]:
                for players in (pyramid.generators, self.critics):
                    players[k].load_state_dict(players[k - 1].state_dict())
            error = resample(before, self.sizes[k]) - self._image(k, batch)
            pyramid.amounts[k] = self.noise_share * error.square().mean().sqrt()
        return {"noise": pyramid.amounts[k]}

    def critic_loss(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """The objective's discriminator side over patches, and penalties."""
        real = self._image(k, batch)
        with torch.no_grad():
            fake = self.pyramid.draw(len(batch), range(k + 1), ctx.noise)
        assert fake is not None
        terms = {"loss": self._players(k, real, fake).discriminator}

        def critic(x: Tensor) -> Tensor:
            return _scores(self.critics[k], x).view(len(x), -1).mean(1)

        return {**terms, **penalty_terms(self.penalties, critic, real, fake, ctx)}

    def generator_loss(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side over patches, and the squared error of the reconstruction."""
        real, pyramid = self._image(k, batch), self.pyramid
        with torch.no_grad():
            before = pyramid.draw(len(batch), range(k), ctx.noise)
            known = pyramid.rebuilt(k - 1)
        fake = pyramid.refine(k, before, pyramid.noise(k, len(batch), self.sizes[k], ctx.noise))
        rebuilt = pyramid.refine(k, known, pyramid.still(k))
        return {
            "loss": self._players(k, real, fake).generator,
            "reconstruction": self.reconstruction * (rebuilt - real).square().mean(),
        }

    def _players(self, k: int, real: Tensor, fake: Tensor) -> Losses:
        return self.objective(_scores(self.critics[k], real), _scores(self.critics[k], fake))

    def _image(self, k: int, batch: Batch) -> Tensor:
        return resample(self.scaling.inward(batch.x), self.sizes[k])

    # --- drawing -----------------------------------------------------------------------------

    @property
    def _trained(self) -> int:
        """Sizes to draw with: one before training."""
        return max(1, int(self.pyramid.begun))

    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        return self.redraw(n, noise=noise)

    def redraw(
        self,
        n: int,
        *,
        size: tuple[int, ...] | None = None,
        image: Tensor | None = None,
        start: int = 1,
        noise: Noise,
    ) -> Tensor:
        own = self.spec.shape[1:]
        size = size or own
        ratios = [wanted / side for wanted, side in zip(size, own, strict=True)]
        sizes = [scaled(sides, ratios) for sides in self.sizes]
        first, before = (0 if image is None else min(start, self._trained - 1)), None
        if image is not None:
            coarse = resample(self.scaling.inward(image), sizes[max(0, first - 1)])
            before = coarse.expand(n, *coarse.shape[1:])
        drawn = self.pyramid.draw(n, range(first, self._trained), noise, sizes=sizes, before=before)
        assert drawn is not None
        return self._outward(resample(drawn, size))

    def rebuilt(self) -> Tensor:
        """The image itself as the pyramid remembers it, ``(1, *spec.shape)`` in data units."""
        known = self.pyramid.rebuilt(self._trained - 1)
        assert known is not None
        return self._outward(resample(known, self.spec.shape[1:]))

    def enlarge(self, image: Tensor, factor: float, *, noise: Noise) -> Tensor:
        x, own = self.scaling.inward(image), image.shape[2:]
        last = self._trained - 1
        step = self.sizes[last][0] / self.sizes[last - 1][0] if last else 1 / self.factor
        times = max(1, round(math.log(factor) / math.log(step)))
        for number in range(1, times + 1):
            sides = tuple(round(side * factor ** (number / times)) for side in own)
            larger = self.pyramid.refine(last, x, self.pyramid.noise(last, len(x), sides, noise))
            # back-projection (doi:10.1016/1049-9652(91)90045-L): made smaller, it is the image again
            x = larger + resample(x - resample(larger, tuple(x.shape[2:])), sides)
        return self._outward(x)

    def _outward(self, x: Tensor) -> Tensor:
        return self.scaling.outward(x.clamp(-1, 1) if self.spec.range is not None else x)


def _scores(critic: nn.Module, x: Tensor) -> Tensor:
    """Scores of all patches of all images, ``(n · places,)``, images one after the other."""
    return critic(x).flatten().float()
