"""The figure of codes: one changes along the columns, all else is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genus.core.codes import code_named, code_steps, encode_code, is_random, random_codes
from genus.core.column import Column
from genus.core.errors import InputError
from genus.core.space import Space
from genus.reports.latent_figures.figure import Figure, FigureRequest, generate, latents
from genus.sampling.draw import device_of

if TYPE_CHECKING:
    from genus.reports.latent_figures.figure import LatentModel


def traversal(model: LatentModel, asked: FigureRequest) -> Figure:
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
        rows.append(generate(model, z, condition, asked.seed, number))
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
