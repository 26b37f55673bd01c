"""What each figure shows: functions from a model to rows of examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from genus.core.batch import Condition, repeated
from genus.core.codes import code_named, code_steps, encode_code, is_random, random_codes
from genus.core.errors import CapabilityError, InputError
from genus.core.model import LatentSpace, Model, StyleSpace
from genus.core.noise import Noise
from genus.core.space import Column, Space
from genus.layers.pooled_attention import PooledAttention
from genus.metrics.path_length import lerp, slerp
from genus.sampling.draw import device_of, draw

if TYPE_CHECKING:

    class LatentModel(Model, LatentSpace):
        """A model with a latent."""

    class StyleModel(LatentModel, StyleSpace):
        """A model with styles."""


PLACES = ((0.5, 0.5), (0.25, 0.5), (0.75, 0.5), (0.5, 0.25), (0.5, 0.75))
"""Places whose attention is drawn, in shares of both sides: centre, above, below, left, right."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a figure is asked for.

    Args:
        rows: of the figure, >= 1.
        columns: of the figure, >= 2.
        seed: sample i of the same seed in ``genus sample`` has the same latent.
        condition: classes or conditions ``(rows, ...)``, one per row; a figure of one condition takes the
            first. Codes ``(rows, size)``, NaN where they are left to chance. None for a model that is told
            nothing, or whose codes are all left to chance.
        linear: straight ways between latents in place of great circles.
        code: name of the code that the columns of a traversal go through; None for the first number that
            is left to chance, or else the first category.
        terms: numbers of the samples whose mean latents are A, B and C in A − B + C.
    """

    rows: int = 6
    columns: int = 8
    seed: int = 0
    condition: Condition | None = None
    linear: bool = False
    code: str | None = None
    terms: tuple[Sequence[int], Sequence[int], Sequence[int]] = ((0, 1, 2), (3, 4, 5), (6, 7, 8))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Examples in rows.

    Args:
        examples: ``(rows · columns, *spec.shape)`` in data units, row by row.
        columns: examples in a row.
        caption: what is seen, for people.
    """

    examples: Tensor
    columns: int
    caption: str


def interpolation(model: LatentModel, asked: Request) -> Figure:
    """Each row goes from one latent to another; its class and its other noise stay the same."""
    z = latents(model, asked.seed, range(2 * asked.rows))
    t = torch.linspace(0, 1, asked.columns, device=z.device)
    way = lerp if asked.linear else slerp
    rows: list[Tensor] = []
    for row in range(asked.rows):
        first, last = (end.expand(asked.columns, -1) for end in z[2 * row : 2 * row + 2])
        condition = _alike(asked.condition, row, asked.columns)
        rows.append(_generate(model, way(first, last, t), condition, asked.seed, row))
    kind = "straight lines" if asked.linear else "great circles"
    return Figure(examples=torch.cat(rows), columns=asked.columns, caption=f"from left to right along {kind}")


def arithmetic(model: LatentModel, asked: Request) -> Figure:
    """Rows A, B and C: samples and what their mean latent gives; below A − B + C, and three close to it."""
    means: list[Tensor] = []
    rows: list[Tensor] = []
    width = max(len(term) for term in asked.terms)
    condition = _alike(asked.condition, 0, width + 1)
    for term in asked.terms:
        if not term or len(term) != width or min(term) < 0:
            raise InputError("terms: give as many sample numbers, 0 or above, for A as for B and for C")
        z = latents(model, asked.seed, term)
        means.append(z.mean(0))
        shown = torch.cat([z, z.mean(0, keepdim=True)])
        rows.append(_generate(model, shown, condition, asked.seed, 0))
    centre = means[0] - means[1] + means[2]
    near = centre + 0.25 * latents(model, asked.seed + 1, range(width))
    shown = torch.cat([near, centre[None]])
    rows.append(_generate(model, shown, condition, asked.seed, 0))
    caption = "rows A, B, C: samples and, last, their mean latent; below: around A − B + C, and, last, itself"
    return Figure(examples=torch.cat(rows), columns=width + 1, caption=caption)


def mixing(model: StyleModel, asked: Request) -> Figure:
    """Coarse styles of the column's source, fine ones of the row's; the sources stand at the edges."""
    rows, columns = asked.rows, asked.columns
    z = latents(model, asked.seed, range(rows + columns))
    condition = _alike(asked.condition, 0, len(z))
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


def truncation(model: LatentModel, asked: Request) -> Figure:
    """The same latents in each column, truncated less and less from left to right."""
    styles = isinstance(model, StyleSpace)
    bounds = [i / (asked.columns - 1) for i in range(asked.columns)]
    bounds = bounds if styles else [0.1 + 2.9 * share for share in bounds]
    columns = [
        draw(model, asked.rows, condition=asked.condition, seed=asked.seed, truncation=bound)
        for bound in bounds
    ]
    values = ", ".join(f"{bound:.2g}" for bound in bounds)
    return Figure(
        examples=torch.stack(columns, 1).flatten(0, 1),
        columns=asked.columns,
        caption=f"truncation {values} from left to right",
    )


def attention(model: LatentModel, asked: Request) -> Figure:
    """Samples, each followed by where five of its places look: centre, up, down, left, right.

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
        examples = _generate(model, z, asked.condition, asked.seed, 0)
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


def traversal(model: LatentModel, asked: Request) -> Figure:
    """One code changes along the columns, a category down the rows; latent and other codes are held.

    Rows show the values of the first category that is neither given nor in the columns, with the
    latent of sample 0; after its last value they begin again with the next latent. Without such a
    category each row has a latent of its own.

    Raises:
        InputError: when there is no such code, or it is given, too.
    """
    device, codes = device_of(model), model.codes
    assert codes is not None
    chosen = asked.condition
    held = chosen if isinstance(chosen, Tensor) else random_codes(codes, asked.rows).to(device)
    along = _free_code(codes, held, asked.code)
    free = (c for c in codes.columns if c.categories and is_random(codes, c.name, held) and c != along)
    down = next(free, None)
    steps = code_steps(along, asked.columns)
    turns = 1 if down is None else len(down.categories)
    rows: list[Tensor] = []
    for row in range(asked.rows):
        number, turn = divmod(row, turns)
        condition = held[row].repeat(asked.columns, 1)
        encoded = torch.stack([encode_code(along, value) for value in steps])
        condition[:, codes.place(along.name)] = encoded.to(device)
        if down is not None:
            condition[:, codes.place(down.name)] = encode_code(down, turn).to(device)
        z = latents(model, asked.seed, [number]).expand(asked.columns, -1)
        rows.append(_generate(model, z, condition, asked.seed, number))
    values = ", ".join(f"{value:.2g}" for value in steps)
    caption = f"{along.name} {values} from left to right"
    if down is not None:
        caption += f", {down.name} {', '.join(str(i % turns) for i in range(asked.rows))} from top to bottom"
    return Figure(examples=torch.cat(rows), columns=asked.columns, caption=caption)


def _free_code(codes: Space, held: Tensor, name: str | None) -> Column:
    """The code of a name, or the first number, else category, that is drawn at random in ``held``."""
    wanted = codes.columns if name is None else [code_named(codes, name)]
    free = sorted((c for c in wanted if is_random(codes, c.name, held)), key=lambda c: bool(c.categories))
    if not free:
        raise InputError(f"{name or 'each code'} is chosen, and so cannot change along the columns, too")
    return free[0]


class Kind(NamedTuple):
    """A kind of figure.

    Args:
        needs: what a model must offer, in words.
        fits: whether a model offers it.
        draw: from a model that does and a :class:`Request` to a :class:`Figure`.
    """

    needs: str
    fits: Callable[[Model], bool]
    draw: Callable[..., Figure]


def _has_latent(model: Model) -> bool:
    return isinstance(model, LatentSpace)


def _has_styles(model: Model) -> bool:
    return isinstance(model, StyleSpace)


def _has_codes(model: Model) -> bool:
    return isinstance(model, LatentSpace) and model.codes is not None


KINDS: Mapping[str, Kind] = {
    "interpolation": Kind("latent to choose", _has_latent, interpolation),
    "arithmetic": Kind("latent to choose", _has_latent, arithmetic),
    "truncation": Kind("latent to choose", _has_latent, truncation),
    "mixing": Kind("styles", _has_styles, mixing),
    "attention": Kind("latent to choose", _has_latent, attention),
    "traversal": Kind("codes", _has_codes, traversal),
}
"""Every kind of figure by name."""


def latents(model: LatentModel, seed: int, numbers: Sequence[int]) -> Tensor:
    """Latents ``(n, latent)`` of the samples with these numbers, as ``genus sample`` draws them."""
    device = device_of(model)
    return torch.cat(
        [model.draw_latent(1, noise=Noise(seed, start=number, block=1, device=device)) for number in numbers]
    )


def _generate(model: LatentModel, z: Tensor, condition: Condition | None, seed: int, number: int) -> Tensor:
    """Examples of latents, all with the other noise of one sample."""
    drawn = [
        model.generate_from(
            z[i : i + 1],
            condition=None if condition is None else condition[i : i + 1],
            noise=Noise(seed, start=number, block=1, device=z.device),
        )
        for i in range(len(z))
    ]
    return torch.cat(drawn)


def _alike(condition: Condition | None, row: int, n: int) -> Condition | None:
    """The condition of one row, ``n`` times."""
    return None if condition is None else repeated(condition[row : row + 1], n)
