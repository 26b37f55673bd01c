"""Figures of chosen latents: ways between them, their sums, truncated ones, mixed styles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genus.core.capabilities import StyleSpace
from genus.core.drawing import Drawing
from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.metrics.path_length import lerp, slerp
from genus.reports.latent_figures.figure import Figure, FigureRequest, alike, generate, latents
from genus.sampling.draw import draw

if TYPE_CHECKING:
    from genus.reports.latent_figures.figure import LatentModel, StyleModel


def interpolation(model: LatentModel, asked: FigureRequest) -> Figure:
    """Each row goes from one latent to another; its class and its other noise stay the same."""
    z = latents(model, asked.seed, range(2 * asked.rows))
    t = torch.linspace(0, 1, asked.columns, device=z.device)
    way = lerp if asked.linear else slerp
    rows: list[Tensor] = []
    for row in range(asked.rows):
        first, last = (end.expand(asked.columns, -1) for end in z[2 * row : 2 * row + 2])
        condition = alike(asked.condition, row, asked.columns)
        rows.append(generate(model, way(first, last, t), condition, asked.seed, row))
    kind = "straight lines" if asked.linear else "great circles"
    return Figure(examples=torch.cat(rows), columns=asked.columns, caption=f"from left to right along {kind}")


def arithmetic(model: LatentModel, asked: FigureRequest) -> Figure:
    """Rows A, B and C: samples and what their mean latent gives; below A − B + C, and three close to it."""
    means: list[Tensor] = []
    rows: list[Tensor] = []
    width = max(len(term) for term in asked.terms)
    condition = alike(asked.condition, 0, width + 1)
    for term in asked.terms:
        if not term or len(term) != width or min(term) < 0:
            raise InputError("terms: give as many sample numbers, 0 or above, for A as for B and for C")
        z = latents(model, asked.seed, term)
        means.append(z.mean(0))
        shown = torch.cat([z, z.mean(0, keepdim=True)])
        rows.append(generate(model, shown, condition, asked.seed, 0))
    centre = means[0] - means[1] + means[2]
    near = centre + 0.25 * latents(model, asked.seed + 1, range(width))
    shown = torch.cat([near, centre[None]])
    rows.append(generate(model, shown, condition, asked.seed, 0))
    caption = "rows A, B, C: samples and, last, their mean latent; below: around A − B + C, and, last, itself"
    return Figure(examples=torch.cat(rows), columns=width + 1, caption=caption)


def mixing(model: StyleModel, asked: FigureRequest) -> Figure:
    """Coarse styles of the column's source, fine ones of the row's; the sources stand at the edges."""
    rows, columns = asked.rows, asked.columns
    z = latents(model, asked.seed, range(rows + columns))
    condition = alike(asked.condition, 0, len(z))
    layers = model.num_styles
    styles = model.map_latent(z, condition=condition)[:, None].expand(-1, layers, -1)
    coarse = torch.arange(layers, device=z.device)[:, None] < max(1, layers // 2)
    noise = Noise(asked.seed, device=z.device)
    sources = model.generate_from_styles(styles, noise=noise)
    corner = torch.full_like(sources[:1], (model.spec.range or (0.0, 1.0))[0])
    shown = [torch.cat([corner, sources[rows:]])]
    for row in range(rows):
        mixed = torch.where(coarse, styles[rows:], styles[row])
        drawn = model.generate_from_styles(mixed, noise=Noise(asked.seed, device=z.device))
        shown.append(torch.cat([sources[row : row + 1], drawn]))
    caption = "coarse styles of the example above the column, fine ones of the example left of the row"
    return Figure(examples=torch.cat(shown), columns=columns + 1, caption=caption)


def truncation(model: LatentModel, asked: FigureRequest) -> Figure:
    """The same latents in each column, truncated less and less from left to right."""
    styles = isinstance(model, StyleSpace)
    bounds = [i / (asked.columns - 1) for i in range(asked.columns)]
    bounds = bounds if styles else [0.1 + 2.9 * share for share in bounds]
    columns = [
        draw(model, asked.rows, condition=asked.condition, seed=asked.seed, drawing=Drawing(truncation=bound))
        for bound in bounds
    ]
    values = ", ".join(f"{bound:.2g}" for bound in bounds)
    return Figure(
        examples=torch.stack(columns, 1).flatten(0, 1),
        columns=asked.columns,
        caption=f"truncation {values} from left to right",
    )
