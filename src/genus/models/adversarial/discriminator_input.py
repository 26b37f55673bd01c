"""Input of a discriminator: augmented, and several as one pack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genus.core.components import Augmentation
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.observations import Observation
from genus.core.phase import Averages, Context
from genus.models.adversarial.gan_options import AugmentationOptions


class DiscriminatorInput(nn.Module):
    """Augments and packs examples, real and generated ones alike, before a discriminator sees them.

    Args:
        shape: of an example, without the batch axis.
        augmentation: transforms, and the schedule of their strength.
        packing: examples in a pack, 1 for each alone.

    Raises:
        RecipeError: for transforms that do not suit the shape.
    """

    def __init__(self, shape: tuple[int, ...], augmentation: AugmentationOptions, packing: int) -> None:
        super().__init__()
        refuse_unsuited(augmentation.transforms, shape)
        self.transforms = augmentation.transforms
        self.schedule = augmentation.schedule() if augmentation.schedule else None
        self.packing = packing

    def forward(self, x: Tensor, ctx: Context) -> Tensor:
        """Map ``(n, channels, *size)`` to ``(n / packing, packing · channels, *size)``."""
        if self.transforms:
            full = torch.ones((), device=x.device)
            strength = full if self.schedule is None else self.schedule.value(ctx.progress).to(x.device)
            x = augment(self.transforms, x, ctx.noise, strength)
        return pack(x, self.packing) if self.packing > 1 else x

    def log_strength(self, ctx: Context) -> None:
        """Log the strength of the augmentation where it has a schedule."""
        if self.schedule is not None:
            strength = self.schedule.value(ctx.progress).clone()
            ctx.observe(**{Observation.AUGMENTATION_STRENGTH: strength})

    def update(self, averages: Averages) -> None:
        """Let the schedule take in the averages of a discriminator update."""
        if self.schedule is not None:
            self.schedule.update(averages)


def augment(transforms: Sequence[Augmentation], x: Tensor, noise: Noise, strength: Tensor) -> Tensor:
    """Examples ``(n, channels, *size)`` after all transforms, each of ``strength`` in [0, 1]."""
    for transform in transforms:
        x = transform(x, noise, strength)
    return x


def refuse_unsuited(transforms: Sequence[Augmentation], shape: tuple[int, ...]) -> None:
    """Apply augmentations to an example of a shape, so that what they refuse is refused before training.

    Raises:
        RecipeError: for data that they do not suit, or options that make no sense.
    """
    with torch.device("cpu"):  # whatever device the model is built on
        augment(transforms, torch.zeros(1, *shape), Noise(0), torch.ones(()))


def pack(x: Tensor, packing: int) -> Tensor:
    """Examples ``(n, channels, *size)`` in packs, ``(n / packing, packing · channels, *size)``.

    What does not fill a pack is left out.

    Raises:
        RecipeError: when not even one pack is filled.

    Paper: arXiv:1712.04086.
    """
    packs = len(x) // packing
    if packs == 0:
        raise RecipeError(f"model.packing={packing} needs batches of as many examples; got {len(x)}")
    return x[: packs * packing].reshape(packs, -1, *x.shape[2:])
