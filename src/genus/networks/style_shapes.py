"""Shared parts of style-based networks: their sizes and widths, and the mapping to styles."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genus.core.errors import RecipeError
from genus.core.network import Styled
from genus.layers.resampling import pyramid, widths
from genus.layers.style import Mapping


@dataclass(frozen=True, kw_only=True)
class GeneratorShape:
    """Sizes of a style-based generator.

    Args:
        latent: size of the latent and of styles.
        channels: of the image.
        sizes: sides of each resolution, the smallest first.
        widths: channels of each resolution.
        condition: features of the condition, 0 for none.
        layers: of the mapping network.
    """

    latent: int
    channels: int
    sizes: list[tuple[int, ...]]
    widths: list[int]
    condition: int
    layers: int

    @classmethod
    def of(
        cls,
        name: str,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        condition: int,
        *,
        width: int,
        channels: int,
        layers: int,
    ) -> GeneratorShape:
        """The shape of the network ``name`` with its recipe arguments.

        Raises:
            RecipeError: when ``inputs`` is not a vector or ``outputs`` no signal, image or volume.
        """
        latent, sizes = generator_sizes(name, inputs, outputs)
        return cls(
            latent=latent,
            channels=outputs[0],
            sizes=sizes,
            widths=widths(len(sizes), width, channels),
            condition=condition,
            layers=layers,
        )


@dataclass(frozen=True, kw_only=True)
class DiscriminatorShape:
    """Sizes of a style-based discriminator.

    Args:
        channels: of the image and the condition beside it.
        features: of the output.
        sizes: sides of each resolution, the smallest first.
        widths: channels of each resolution, the smallest first.
        condition: features of the condition, 0 for none.
        group: examples over which the deviation is taken.
    """

    channels: int
    features: int
    sizes: list[tuple[int, ...]]
    widths: list[int]
    condition: int
    group: int

    @classmethod
    def of(
        cls,
        name: str,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        condition: int,
        *,
        width: int,
        channels: int,
        group: int,
        finest: bool = True,
    ) -> DiscriminatorShape:
        """The shape of the network ``name`` with its recipe arguments.

        Args:
            finest: whether there are features at the size of the image; else half of it is the finest.

        Raises:
            RecipeError: when ``inputs`` is no signal, image or volume, too small a one, or ``outputs`` not a
                vector.
        """
        sizes = discriminator_sizes(name, inputs, outputs)
        if not finest:
            if len(sizes) < 2:
                raise RecipeError(f"network {name!r} needs sides of at least 7, got {inputs[1:]}; use 'mlp'")
            sizes = sizes[:-1]
        return cls(
            channels=inputs[0] + condition,
            features=outputs[0],
            sizes=sizes,
            widths=widths(len(sizes), width, channels),
            condition=condition,
            group=group,
        )


class StyleGenerator(Styled):
    """A generator whose styles come from a mapping network.

    Args:
        shape: its sizes.
        num_styles: layers that take a style.
    """

    def __init__(self, shape: GeneratorShape, num_styles: int) -> None:
        super().__init__()
        self.sizes = shape.sizes
        self.style_size = shape.latent
        self.num_styles = num_styles
        self.map = Mapping(shape.latent, shape.latent, shape.condition, shape.layers)

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.map(z, condition)


def generator_sizes(
    name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> tuple[int, list[tuple[int, ...]]]:
    """The latent's size and the sizes of all resolutions, the smallest first.

    Raises:
        RecipeError: when ``inputs`` is not a vector or ``outputs`` no signal, image or volume.
    """
    if len(inputs) != 1 or not 2 <= len(outputs) <= 4:
        raise RecipeError(
            f"network {name!r} maps a latent vector to an image, not {inputs} to {outputs}; use "
            f"'{name}-discriminator' for the way back, 'mlp' for vectors"
        )
    return inputs[0], pyramid(outputs[1:])


def discriminator_sizes(
    name: str, inputs: tuple[int, ...], outputs: tuple[int, ...], smallest: int = 4
) -> list[tuple[int, ...]]:
    """The sizes of all resolutions, the smallest first.

    Raises:
        RecipeError: when ``inputs`` is no signal, image or volume, or ``outputs`` not a vector.
    """
    if len(outputs) != 1 or not 2 <= len(inputs) <= 4:
        raise RecipeError(
            f"network {name!r} maps an image to a vector, not {inputs} to {outputs}; use "
            f"{name.removesuffix('-discriminator')!r} for the way back, 'mlp' for vectors"
        )
    return pyramid(inputs[1:], smallest)
