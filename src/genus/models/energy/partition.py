"""Normalising constants estimated by annealing in both directions, once for each state of a machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genus.core.noise import Noise

AIS_CHAINS, AIS_TEMPERATURES = 100, 1000
BURN_IN = 200
"""Gibbs steps of the machine's own chains before they are annealed back."""


class PartitionFunction(NamedTuple):
    """An estimate of log Z in nats, scalars.

    Args:
        estimate: from annealing in both directions.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    estimate: Tensor
    low: Tensor
    high: Tensor

    def error(self) -> tuple[float, float]:
        """Nats by which log Z may be lower and higher than the estimate, both ≥ 0."""
        return float(self.estimate - self.low), float(self.high - self.estimate)


class Normalised(nn.Module, ABC):
    """A machine whose log Z is estimated; the estimate is kept until its weights or chains change."""

    _known: tuple[tuple[float, ...], PartitionFunction] | None = None

    @torch.no_grad()
    def log_partition(
        self, p: Tensor, noise: Noise, *, chains: int = AIS_CHAINS, temperatures: int = AIS_TEMPERATURES
    ) -> PartitionFunction:
        """Estimate log Z by annealed importance sampling from the machine without weights, and back.

        The way there misses modes that it does not find and is then too low, by any amount; the way
        back begins where the machine's own chains stand.
        :func:`genus.sampling.annealed.joined_log_ratio` joins the two.

        Args:
            p: probabilities or states of hidden units of chains of this machine, ``(n, hidden)``.
            noise: randomness.
            chains: independent annealing runs in each direction.
            temperatures: steps of each.

        Paper: arXiv:0809.1492; arXiv:1412.8566 for the way back.
        """
        contents = [f(w).item() for w in (p, *self.parameters()) for f in (torch.sum, torch.norm)]
        key = (noise.seed, chains, temperatures, *contents)
        if self._known is None or self._known[0] != key:  # likelihoods of many batches share one
            self._known = key, self._annealed(p, noise, chains, temperatures)
        return self._known[1]

    @abstractmethod
    def _annealed(self, p: Tensor, noise: Noise, chains: int, temperatures: int) -> PartitionFunction:
        """The estimate itself."""
