"""Conditioning of generators that map an image to an image."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.components import Network, Readout
from genus.core.errors import RecipeError
from genus.core.network import TakesNoise
from genus.core.noise import Noise
from genus.core.phase import Terms
from genus.core.ranges import Weight
from genus.core.registry import conditioning
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.condition_encoder import centred_planes, condition_channels
from genus.layers.scaling import Scaling
from genus.models.adversarial.conditioning import Concatenation
from genus.models.adversarial.generator_discriminator import Generator


class ImageGenerator(Generator):
    """A network from an image, with latents as constant maps beside it, to an example.

    Args:
        network: maps ``(n, channels + latent, *sides)``.
        space: what the image is.
    """

    def __init__(self, network: nn.Module, space: Space) -> None:
        super().__init__(network)
        self.space = space

    def forward(self, z: Tensor, condition: Condition | None, noise: Noise) -> Tensor:
        """Examples before squashing, ``(n, *shape)``, from latents ``(n, latent)`` and images."""
        assert isinstance(condition, Tensor)
        image = centred_planes(condition, self.space).to(z.dtype)
        maps = z.reshape(*z.shape, *(1,) * (image.dim() - 2)).expand(-1, -1, *image.shape[2:])
        inputs = torch.cat([image, maps], 1)
        return (
            self.network(inputs, noise=noise)
            if isinstance(self.network, TakesNoise)
            else self.network(inputs)
        )


@conditioning("image-to-image", paper="arXiv:1611.07004")
class ImageToImage(Concatenation):
    """The generator maps a spatial condition to an example, and the discriminator sees both side by side.

    λ E ‖x − G(c, z)‖ is added to the generator's loss: samples stay near the example of their condition.
    """

    takes = ("image", "volume", "sequence", "labels")
    why_not = "the generator maps an image to an image"

    def __init__(
        self, spec: DataSpec, *, distance: Literal["l1", "l2"] = "l1", weight: Weight = 100.0
    ) -> None:
        """Build for data with an image, a volume, a sequence or a map of labels as condition.

        Args:
            distance: ``l1``, the mean absolute difference, or ``l2``, the mean squared one, on the scale
                [−1, 1].
            weight: λ of the distance; 0 leaves it out.
        """
        super().__init__(spec)
        self.scaling = Scaling(spec)
        self.distance = distance
        self.weight = weight

    def generator(self, network: Network, latent: int) -> ImageGenerator:
        space, shape = self.space, self.spec.shape
        assert isinstance(space, Space)
        if space.shape[1:] != shape[1:]:
            raise RecipeError(
                f"conditioning 'image-to-image' maps {space.describe()} to examples of the same sides; they "
                f"have {'×'.join(str(side) for side in shape[1:])}. Bring both to one size"
            )
        return ImageGenerator(network((condition_channels(space) + latent, *shape[1:]), shape), space)

    def generator_terms(
        self, batch: Batch, fake: Tensor, of_fake: Readout, condition: Condition | None
    ) -> Terms:
        if not self.weight:
            return {}
        gap = self.scaling.inward(batch.x) - fake
        size = gap.abs() if self.distance == "l1" else gap.square()
        return {"distance": self.weight * size.mean()}
