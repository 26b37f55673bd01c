"""How often the interval of an annealed log Z holds the exact one: ``python -m benchmarks.annealing``.

Machines of up to 12 visible units are enumerated. Weights are from small to large, annealing from far too
fast to slow, so that both ways of it go wrong, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch

from genus.core.noise import Noise
from genus.metrics.intervals import wilson
from genus.models.energy.machine import BoltzmannMachine

SCALES = (0.3, 1.0, 2.0, 3.0)


def exact_log_z(machine: BoltzmannMachine) -> float:
    """log Z by summing over all states of the visible units."""
    visible = machine.weight.shape[0]
    states = (torch.arange(2**visible)[:, None] >> torch.arange(visible)) & 1
    return float((-machine.free_energy(states.to(machine.weight.dtype))).logsumexp(0).detach())


def machines(seeds: range, temperatures: tuple[int, ...]) -> Iterator[tuple[float, float, float, float]]:
    """Scale of the weights, exact log Z, and the interval's ends, of a machine per seed."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        machine = BoltzmannMachine(int(rng.integers(6, 13)), int(rng.integers(3, 9))).double()
        scale, steps, chains = rng.choice(SCALES), int(rng.choice(temperatures)), int(rng.choice([50, 100]))
        for parameter in machine.parameters():
            parameter.data = torch.from_numpy(rng.normal(size=tuple(parameter.shape), scale=scale))
        p = torch.from_numpy(rng.integers(0, 2, (chains, machine.weight.shape[1])).astype(np.float64))
        found = machine.log_partition(p, Noise(seed), chains=chains, temperatures=steps)
        yield float(scale), exact_log_z(machine), float(found.low), float(found.high)


def main() -> None:
    """Print the coverage, all in all and by the scale of the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.machines)
    found = np.array(list(machines(seeds, (20, 100, 300))))
    for scale in (None, *SCALES):
        rows = found if scale is None else found[found[:, 0] == scale]
        held = int(((rows[:, 2] <= rows[:, 1]) & (rows[:, 1] <= rows[:, 3])).sum())
        low, high = wilson(held, len(rows))
        width = np.median(rows[:, 3] - rows[:, 2])
        print(
            f"scale {scale or 'any'}: {held} of {len(rows)} hold log Z, {held / len(rows):.3f} [{low:.3f}, "
            f"{high:.3f}], median width {width:.3f}"
        )


if __name__ == "__main__":
    main()
