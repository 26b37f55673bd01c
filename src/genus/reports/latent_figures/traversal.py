"""The figure of codes: one changes along the columns, all else is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genus.core.codes import Code, code_named, left_to_chance
from genus.core.errors import InputError
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
    device = device_of(model)
    held = left_to_chance(model.codes, asked.rows).to(device) if asked.condition is None else asked.condition
    along = _free_code(model.codes, held, asked.code)
    down = next((code for code in model.codes if code.values and code.is_free(held) and code != along), None)
    steps = along.steps(asked.columns)
    turns = 1 if down is None or down.values is None else down.values
    rows: list[Tensor] = []
    for row in range(asked.rows):
        number, turn = divmod(row, turns)
        condition = held[row].repeat(asked.columns, 1)
        condition[:, along.place] = torch.stack([along.encode(value) for value in steps]).to(device)
        if down is not None:
            condition[:, down.place] = down.encode(turn).to(device)
        z = latents(model, asked.seed, [number]).expand(asked.columns, -1)
        rows.append(generate(model, z, condition, asked.seed, number))
    values = ", ".join(f"{value:.2g}" for value in steps)
    caption = f"{along.name} {values} from left to right"
    if down is not None:
        caption += f", {down.name} {', '.join(str(i % turns) for i in range(asked.rows))} from top to bottom"
    return Figure(examples=torch.cat(rows), columns=asked.columns, caption=caption)


def _free_code(codes: Sequence[Code], held: Tensor, name: str | None) -> Code:
    """The code of a name, or the first number, else category, that is left to chance in ``held``."""
    if name is None:
        free = sorted((c for c in codes if c.is_free(held)), key=lambda c: c.values is not None)
    else:
        free = [c for c in [code_named(codes, name)] if c.is_free(held)]
    if not free:
        raise InputError(f"{name or 'each code'} is given, and so cannot change along the columns, too")
    return free[0]
