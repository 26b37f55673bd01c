"""Points whose density is exp(−U) for an energy U of the plane."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from genus.core.registry import data
from genus.data.checks import Array
from genus.data.dataset import Dataset
from genus.data.toy_points import Rng, toy_data
from genus.objectives.plane_energies import BORDER, LARGEST, WALL, plane_energy


@data("energy", paper="arXiv:1505.05770")
def energy(*, energy: Literal["u1", "u2", "u3", "u4"] = "u1", n: int = 100000, seed: int = 0) -> Dataset:
    """Points of the plane with density exp(−U)/Z, by rejection.

    Args:
        energy: U, one of four test energies: two half moons, a wave, and two waves that split.
        n: training points; a tenth as many again are drawn for testing.
        seed: decides the points.
    """
    side = BORDER + 6 * WALL

    def draw(count: int, rng: Rng) -> tuple[Array, None]:
        points = np.empty((0, 2))
        while len(points) < count:
            tried = rng.uniform(-side, side, (8 * count, 2))
            chance = (-plane_energy(energy, torch.from_numpy(tried))).exp().numpy() / LARGEST
            points = np.concatenate([points, tried[rng.random(len(tried)) < chance]])
        return points[:count], None

    return toy_data("energy", draw, n, seed)
