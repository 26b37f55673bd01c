"""Reference batches of networks with virtual or reference batch normalisation."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.layers.reference_norm import WithReference, has_reference_norm

REFERENCES = 64
"""Examples in a reference batch."""


def hold_references(
    generator: nn.Module, discriminator: nn.Module, latent: int, inputs: tuple[int, ...]
) -> bool:
    """Give networks with virtual or reference batch normalisation a reference batch.

    The generator's is drawn here; the discriminator's is zeros until :func:`take_reference`.

    Args:
        generator: its network is wrapped in place.
        discriminator: the same.
        latent: size of the generator's input.
        inputs: shape of what the discriminator sees, without the batch axis.

    Returns:
        Whether the discriminator waits for its reference batch.

    Raises:
        RecipeError: when such a network has a condition beside its input, as a fixed batch would need
            fixed conditions.

    Paper: arXiv:1606.03498.
    """
    networks = [cast("nn.Module", player.network) for player in (generator, discriminator)]
    of_generator, of_discriminator = map(has_reference_norm, networks)
    conditioned = {
        "generator": of_generator and generator.embed is not None,
        "discriminator": of_discriminator and discriminator.conditioned_input is not None,
    }
    for name in (name for name, has_condition in conditioned.items() if has_condition):
        raise RecipeError(
            f"virtual and reference batch normalisation run a fixed batch through the {name}, which would "
            f"need fixed conditions; train with model.conditioning=null, or another norm in the {name}"
        )
    if of_generator:
        generator.network = WithReference(networks[0], Noise(0).normal(REFERENCES, latent))
    if of_discriminator:
        discriminator.network = WithReference(networks[1], torch.zeros(REFERENCES, *inputs))
    return of_discriminator


def take_reference(discriminator: nn.Module, real: Tensor) -> None:
    """Keep real examples ``(n, *inputs)`` as the reference batch, in turn where they are few."""
    rows = torch.arange(REFERENCES, device=real.device) % len(real)
    cast("WithReference", discriminator.network).hold(real[rows])
