"""SinGAN: a pyramid of GANs that learns from the patches of one image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.components import Objective, Penalty, Players
from genus.core.errors import RecipeError
from genus.core.length import Length
from genus.core.model import Model, Redraws
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.cubic import resample
from genus.layers.patch_net import PatchNet
from genus.layers.scaling import Scaling

Sizes = Sequence[tuple[int, ...]]


@model("singan", paper="arXiv:1905.01164")
class SinGAN(Model, Redraws):
    """One small convolutional GAN per size of the image, trained one after the other.

    x_k = up(x_{k−1}) + G_k(σ_k z_k + up(x_{k−1})), from pure noise at the smallest size. The critic of a
    size judges patches, so the players learn what patches look like and not the image; a
    reconstruction term keeps the image itself within reach: fixed noise z* at the smallest size
    and none above give it back. σ_k follows the error of that reconstruction, enlarged.
    """

    one_example = True
    fixed: Tensor
    amounts: Tensor
    begun: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        objective: Objective,
        penalties: Sequence[Penalty] = (),
        width: int = 32,
        widen_every: int = 4,
        depth: int = 5,
        norm: Literal["batch", "layer", "instance", "none"] = "batch",
        factor: float = 0.75,
        smallest: int = 25,
        discriminator_steps: int = 3,
        generator_steps: int = 3,
        reconstruction: float = 10.0,
        noise_share: float = 0.1,
        coarse_ratio: float = 1.0,
    ) -> None:
        """Build a generator and a critic for each size.

        Args:
            objective: what both players of each size minimise; every patch counts as an example.
            penalties: added to the critic's loss; its score for an image is the mean over patches.
            width: channels of both networks at the smallest sizes.
            widen_every: double the width after so many sizes.
            depth: convolutions of each network; patches have the side 2 · depth + 1.
            norm: between the convolutions.
            factor: of a size to the next larger one, about, in (0, 1).
            smallest: shortest side at which drawing begins.
            discriminator_steps: critic updates per iteration.
            generator_steps: generator updates per iteration.
            reconstruction: weight of the squared error of the reconstruction.
            noise_share: σ_k over the root mean squared error of the enlarged reconstruction.
            coarse_ratio: length of a size's training over that of the next larger one, > 0.

        Raises:
            RecipeError: for data without spatial axes, images smaller than ``smallest``, or patches larger.
        """
        super().__init__(spec)
        channels, *size = spec.shape
        dims = len(size)
        self.require(f"images, volumes or sequences with sides of {smallest} or more", dims in (1, 2, 3))
        self.require(f"sides of {smallest} or more (model.smallest)", min(size) >= smallest)
        if smallest <= 2 * depth or depth < 1:
            raise RecipeError(
                f"model.smallest={smallest}: patches have the side {2 * depth + 1} at depth {depth}; choose "
                "a larger smallest side, or a depth from 1 on that leaves smaller patches"
            )
        if not 0 < factor < 1 or widen_every < 1 or not coarse_ratio > 0:
            raise RecipeError(
                "model 'singan' needs 0 < factor < 1, widen_every of at least 1 and coarse_ratio > 0"
            )
        self.scaling = Scaling(spec)
        self.sizes = pyramid_of(tuple(size), smallest, factor)
        self.objective = objective
        self.penalties = penalties
        self.steps = {"discriminator": discriminator_steps, "generator": generator_steps}
        self.reconstruction = reconstruction
        self.noise_share = noise_share
        self.coarse_ratio = coarse_ratio
        self.num_scales = len(self.sizes)
        self.widths = [width * 2 ** (k // widen_every) for k in range(self.num_scales)]

        def network(outputs: int, width: int, *, padded: bool) -> nn.Module:
            return PatchNet(dims, channels, outputs, width=width, depth=depth, norm=norm, padded=padded)

        self.generators = nn.ModuleList(network(channels, w, padded=True) for w in self.widths)
        self.critics = nn.ModuleList(network(1, w, padded=False) for w in self.widths)
        self.register_buffer("fixed", torch.zeros(1, channels, *self.sizes[0]))
        self.register_buffer("amounts", torch.ones(self.num_scales))
        self.register_buffer("begun", torch.tensor(0))

    # --- training ----------------------------------------------------------------------------

    def stages(self) -> Sequence[Stage]:
        """For each size one step that prepares it, then its game."""
        return [stage for k in range(self.num_scales) for stage in (self._preparing(k), self._playing(k))]

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
                phase("generator", self.generators[k], self.generator_loss),
            ],
        )

    def prepare(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """Begin size ``k``: with the weights of the size before where they fit, and its amount of noise."""
        self.begun.fill_(k + 1)
        self.train(self.training)
        if k == 0:
            self.fixed.copy_(ctx.noise.normal(1, *self.fixed.shape[1:]))
        else:
            if self.widths[k] == self.widths[k - 1]:
                for players in (self.generators, self.critics):
                    players[k].load_state_dict(players[k - 1].state_dict())
            rebuilt = resample(self._rebuilt(k - 1), self.sizes[k])
            error = (rebuilt - self._image(k, batch)).square().mean().sqrt()
            self.amounts[k] = self.noise_share * error
        return {"noise": self.amounts[k]}

    def critic_loss(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """The objective's discriminator side over patches, and penalties."""
        real = self._image(k, batch)
        with torch.no_grad():
            fake = self._draw(len(batch), self.sizes, range(k + 1), ctx.noise)
        terms = {"loss": self._players(k, real, fake).discriminator}
        for number, penalty in enumerate(self.penalties):
            terms[f"penalty {number}"] = penalty(
                lambda x: _scores(self.critics[k], x).view(len(x), -1).mean(1), real, fake, ctx.noise
            )
        return terms

    def generator_loss(self, k: int, batch: Batch, ctx: Context) -> Terms:
        """The objective's generator side over patches, and the squared error of the reconstruction."""
        real = self._image(k, batch)
        with torch.no_grad():
            before = self._draw(len(batch), self.sizes, range(k), ctx.noise) if k else None
            known = self._rebuilt(k - 1) if k else None
        fake = self._refine(
            k, self._enlarged(before, len(batch), self.sizes[k]), ctx.noise.normal(*real.shape)
        )
        rebuilt = self._refine(k, self._enlarged(known, 1, self.sizes[k]), self.fixed if k == 0 else None)
        return {
            "loss": self._players(k, real, fake).generator,
            "reconstruction": self.reconstruction * (rebuilt - real).square().mean(),
        }

    def train(self, mode: bool = True) -> SinGAN:
        """As for every module, but sizes that are done keep their statistics."""
        super().train(mode)
        for player in self.generators[: max(0, int(self.begun) - 1)]:
            player.eval()
        return self

    def _players(self, k: int, real: Tensor, fake: Tensor) -> Players:
        return self.objective(_scores(self.critics[k], real), _scores(self.critics[k], fake))

    def _image(self, k: int, batch: Batch) -> Tensor:
        return resample(self.scaling.inward(batch.x), self.sizes[k])

    # --- drawing -----------------------------------------------------------------------------

    def _refine(self, k: int, before: Tensor, z: Tensor | None) -> Tensor:
        """What size ``k`` makes of the enlarged image of the size before, with noise or without."""
        noisy = before if z is None else before + self.amounts[k] * z.to(before.dtype)
        return before + self.scaling.squash(self.generators[k](noisy))

    def _enlarged(self, before: Tensor | None, n: int, size: tuple[int, ...]) -> Tensor:
        """The image of the size before; nothing stands before the smallest."""
        if before is None:
            return self.fixed.new_zeros(n, self.spec.shape[0], *size)
        return resample(before, size)

    def _draw(
        self, n: int, sizes: Sizes, levels: range, noise: Noise, before: Tensor | None = None
    ) -> Tensor:
        """Images of the last of some levels, ``(n, channels, *sizes[last])``, on the scale of the players."""
        for k in levels:
            z = noise.normal(n, self.spec.shape[0], *sizes[k])
            before = self._refine(k, self._enlarged(before, n, sizes[k]), z)
        assert before is not None
        return before

    def _rebuilt(self, last: int) -> Tensor:
        """The image as z* and no other noise give it, at size ``last``."""
        x: Tensor | None = None
        for k in range(last + 1):
            x = self._refine(k, self._enlarged(x, 1, self.sizes[k]), self.fixed if k == 0 else None)
        assert x is not None
        return x

    def _out(self, x: Tensor, size: tuple[int, ...]) -> Tensor:
        x = resample(x, size)
        return self.scaling.outward(x.clamp(-1, 1) if self.spec.range is not None else x)

    def sample(self, n: int, *, given: Tensor | None = None, noise: Noise) -> Tensor:
        return self.redraw(n, noise=noise)

    def redraw(
        self,
        n: int,
        *,
        size: tuple[int, ...] | None = None,
        image: Tensor | None = None,
        start: int = 0,
        noise: Noise,
    ) -> Tensor:
        own = self.spec.shape[1:]
        size = size or own
        ratios = [wanted / side for wanted, side in zip(size, own, strict=True)]
        sizes = [
            tuple(max(1, math.ceil(side * r - 1e-9)) for side, r in zip(s, ratios, strict=True))
            for s in self.sizes
        ]
        before = None
        if image is not None:
            before = resample(self.scaling.inward(image), sizes[max(0, start - 1)]).expand(
                n, *image.shape[1:2], *(-1,) * len(own)
            )
        trained = max(1, int(self.begun))
        drawn = self._draw(n, sizes, range(min(start, trained - 1), trained), noise, before)
        return self._out(drawn, size)

    def rebuilt(self) -> Tensor:
        """The image itself as the pyramid remembers it, ``(1, *spec.shape)`` in data units."""
        return self._out(self._rebuilt(max(1, int(self.begun)) - 1), self.spec.shape[1:])

    def enlarge(self, image: Tensor, factor: float, *, noise: Noise) -> Tensor:
        x = self.scaling.inward(image)
        last = self.num_scales - 1
        shrinks = self.sizes[-2][0] / self.sizes[-1][0] if last else 0.75
        times = max(1, round(math.log(factor) / -math.log(shrinks)))
        own = image.shape[2:]
        for step in range(1, times + 1):
            size = tuple(round(side * factor ** (step / times)) for side in own)
            z = noise.normal(len(x), *x.shape[1:2], *size)
            x = self._refine(last, resample(x, size), z)
        return self._out(x, tuple(x.shape[2:]))


def pyramid_of(size: tuple[int, ...], smallest: int, factor: float) -> list[tuple[int, ...]]:
    """Sizes from about ``smallest`` at the shortest side to ``size``, each about ``factor`` of the next.

    The factor is moved a little, so that whole steps lead to ``smallest``; sides are rounded up.

    >>> pyramid_of((64, 96), 25, 0.75)
    [(25, 38), (35, 52), (47, 71), (64, 96)]
    """
    share = smallest / min(size)
    steps = max(0, math.ceil(math.log(share) / math.log(factor) - 1e-9))
    exact = share ** (1 / steps) if steps else 1.0
    chain = [tuple(math.ceil(side * exact ** (steps - k) - 1e-9) for side in size) for k in range(steps)]
    return [*chain, size]


def _scores(critic: nn.Module, x: Tensor) -> Tensor:
    """Scores of all patches of all images, ``(n · places,)``, images one after the other."""
    return critic(x).flatten().float()
