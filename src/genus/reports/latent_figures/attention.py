"""The figure of a generator's attention maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.errors import CapabilityError
from genus.layers.pooled_attention import PooledAttention
from genus.reports.latent_figures.figure import Figure, FigureRequest, generate, latents

if TYPE_CHECKING:
    from genus.reports.latent_figures.figure import LatentModel

PLACES = ((0.5, 0.5), (0.25, 0.5), (0.75, 0.5), (0.5, 0.25), (0.5, 0.75))
"""Places whose attention is drawn, in shares of both sides: centre, above, below, left, right."""


def attention(model: LatentModel, asked: FigureRequest) -> Figure:
    """Samples, each followed by the attention maps of five of its places: centre, up, down, left, right.

    A map is drawn as bright as its brightest cell allows.

    Raises:
        CapabilityError: when the generator has no attention, or examples are no images.
    """
    seen: list[tuple[PooledAttention, Tensor]] = []

    def keep(layer: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, PooledAttention)
        seen.append((layer, inputs[0]))

    layers = [m for m in model.modules() if isinstance(m, PooledAttention)]
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        z = latents(model, asked.seed, range(asked.rows))
        examples = generate(model, z, asked.condition, asked.seed, 0)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen or model.spec.kind != "image":
        raise CapabilityError(
            "an attention figure needs a generator of images with self-attention: the recipes sagan and "
            "biggan have one"
        )
    layer, features = seen[0]
    sides = list(features.shape[2:])
    weights = layer.weights(features)
    low, high = model.spec.range or (0.0, 1.0)
    rows = [examples]
    for down, right in PLACES:
        place = int(down * sides[0]) * sides[1] + int(right * sides[1])
        maps = weights[:, place].view(-1, 1, *((side + 1) // 2 for side in sides))
        maps = maps / maps.amax((1, 2, 3), keepdim=True)
        maps = F.interpolate(maps.float(), size=model.spec.shape[1:], mode="nearest")
        rows.append((low + (high - low) * maps).expand_as(examples))
    shown = torch.stack(rows, 1).flatten(0, 1)
    caption = "a sample, then where its centre and places above, below, left and right of it look"
    return Figure(examples=shown, columns=1 + len(PLACES), caption=caption)
