"""The deep Boltzmann machine as mathematics: mean field, Gibbs steps over all layers, log Z."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genus.core.noise import Noise
from genus.models.energy.machine import bernoulli_entropy
from genus.models.energy.partition import BURN_IN, Normalised, PartitionFunction
from genus.sampling.annealed import annealed_log_weights, joined_log_ratio


class DeepContrast(NamedTuple):
    """Data against Gibbs chains.

    Args:
        divergence: scalar, mean energy of the data's states less that of the chains'.
        gradients: of the divergence for given states, by parameter.
        chains: probabilities of the odd layers where the chains stand now, ``(n, odd units)``.
    """

    divergence: Tensor
    gradients: dict[nn.Parameter, Tensor]
    chains: Tensor


class DeepMachine(Normalised):
    """Layers x⁰ (visible), x¹, …, x^L of binary units with E = −Σ_l b_l·x^l − Σ_l x^{l−1}ᵀ W_l x^l.

    Given the odd layers, units of the even ones are independent, and the other way round.

    Args:
        sizes: units of each layer, the visible one first; three or more.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        pairs = itertools.pairwise(sizes)
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(a, b) * 0.01) for a, b in pairs)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(size)) for size in sizes)
        self.even, self.odd = (range(first, len(sizes), 2) for first in (0, 1))

    @property
    def odd_units(self) -> int:
        """Units of all odd layers together."""
        return sum(self.sizes[layer] for layer in self.odd)

    def field(self, states: Sequence[Tensor], layer: int) -> Tensor:
        """Input of a layer from the layers beside it, without its bias, ``(n, units)``."""
        parts: list[Tensor] = []
        if layer > 0:
            parts.append(states[layer - 1] @ self.weights[layer - 1])
        if layer < len(self.weights):
            parts.append(states[layer + 1] @ self.weights[layer].t())
        return torch.stack(parts).sum(0).to(self.biases[layer].dtype)

    def given(self, states: Sequence[Tensor], layer: int) -> Tensor:
        """p(x^l = 1 | the layers beside it), ``(n, units)``."""
        return (self.biases[layer] + self.field(states, layer)).sigmoid()

    def negative_energy(self, states: Sequence[Tensor]) -> Tensor:
        """−E of states, or its mean over independent units of these probabilities, ``(n,)``."""
        total = sum((x @ b for x, b in zip(states, self.biases, strict=True)), torch.zeros(()))
        for weight, (below, above) in zip(self.weights, itertools.pairwise(states), strict=True):
            total = total + ((below @ weight) * above).sum(1)
        return total

    @torch.no_grad()
    def mean_field(self, v: Tensor, steps: int) -> list[Tensor]:
        """Probabilities of the factorial posterior, by coordinate ascent on the bound, layer after layer.

        Args:
            v: ``(n, visible)``.
            steps: passes over the hidden layers; none of them lowers the bound.

        Returns:
            v and the probabilities of each hidden layer.
        """
        states = [v]
        for layer, weight in enumerate(self.weights, 1):  # doubled, for what is missing from above
            double = 1 if layer == len(self.weights) else 2
            states.append((self.biases[layer] + double * (states[-1] @ weight)).sigmoid())
        for _ in range(steps):
            for layer in range(1, len(states)):
                states[layer] = self.given(states, layer)
        return states

    def bound(self, v: Tensor, steps: int) -> Tensor:
        """log p(v) + log Z from below, E_q[−E] + H(q) with q of :meth:`mean_field`, ``(n,)`` nats."""
        states = self.mean_field(v, steps)
        entropies = (bernoulli_entropy(state) for state in states[1:])
        return sum(entropies, self.negative_energy(states))

    @torch.no_grad()
    def gibbs(self, p: Tensor, steps: int, noise: Noise) -> tuple[list[Tensor], Tensor]:
        """Alternate the even layers given the odd ones, and back.

        Args:
            p: probabilities of the odd layers where the chains stand, ``(n, odd units)``.
            steps: full steps, ≥ 1.
            noise: randomness.

        Returns:
            States: even layers drawn, odd ones as probabilities given them; and p(v = 1 | x¹) of the last v.
        """
        states, means = self._spread(p), p
        for _ in range(steps):
            for layer in self.odd:
                states[layer] = noise.bernoulli(states[layer])
            for layer in self.even:
                chance = self.given(states, layer)
                means = chance if layer == 0 else means
                states[layer] = noise.bernoulli(chance)
            for layer in self.odd:
                states[layer] = self.given(states, layer)
        return states, means

    @torch.no_grad()
    def contrast(
        self, v: Tensor, chains: Tensor, *, mean_field_steps: int, steps: int, noise: Noise
    ) -> DeepContrast:
        """Mean-field states of data against persistent chains, and the gradients of the difference.

        Args:
            v: binary data, ``(n, visible)``.
            chains: as ``p`` of :meth:`gibbs`, ``(m, odd units)``.
            mean_field_steps: see :meth:`mean_field`.
            steps: of Gibbs.
            noise: randomness.
        """
        data = self.mean_field(v, mean_field_steps)
        model, _ = self.gibbs(chains, steps, noise)
        n, m = len(v), len(chains)
        gradients: dict[nn.Parameter, Tensor] = {}
        for layer, bias in enumerate(self.biases):
            gradients[bias] = model[layer].mean(0) - data[layer].mean(0)
        for layer, weight in enumerate(self.weights):
            ours, theirs = ((part[layer].t() @ part[layer + 1]) for part in (data, model))
            gradients[weight] = (theirs / m - ours / n).to(weight.dtype)
        divergence = self.negative_energy(model).mean() - self.negative_energy(data).mean()
        return DeepContrast(divergence, gradients, torch.cat([model[layer] for layer in self.odd], 1))

    def _spread(self, odd: Tensor) -> list[Tensor]:
        """A list by layer that holds the odd layers; the even ones are empty."""
        parts = odd.split([self.sizes[layer] for layer in self.odd], 1)
        states = [odd.new_zeros(0)] * len(self.sizes)
        for layer, part in zip(self.odd, parts, strict=True):
            states[layer] = part
        return states

    def _annealed(self, p: Tensor, noise: Noise, chains: int, temperatures: int) -> PartitionFunction:
        """Over the odd layers, the even ones summed out; β scales weights and the odd layers' biases."""

        def ratio(odd: Tensor, before: float, after: float) -> Tensor:
            states = self._spread(odd)
            total = (after - before) * sum((states[i] @ self.biases[i] for i in self.odd), odd.new_zeros(()))
            for layer in self.even:
                bias, field = self.biases[layer], self.field(states, layer)
                total = total + (softplus(bias + after * field) - softplus(bias + before * field)).sum(1)
            return total

        def step(odd: Tensor, beta: float) -> Tensor:
            states = self._spread(odd)
            for layer in self.even:
                field = self.field(states, layer)
                states[layer] = noise.bernoulli((self.biases[layer] + beta * field).sigmoid())
            chances = [beta * (self.biases[layer] + self.field(states, layer)) for layer in self.odd]
            return noise.bernoulli(torch.cat(chances, 1).sigmoid())

        start = noise.bernoulli(p.new_full((chains, self.odd_units), 0.5))
        there = annealed_log_weights(start, ratio, step, temperatures)
        states, _ = self.gibbs(p[noise.integers(len(p), chains)], BURN_IN, noise)
        own = noise.bernoulli(torch.cat([states[layer] for layer in self.odd], 1))
        back = annealed_log_weights(own, ratio, step, temperatures, back=True)
        base = sum((softplus(self.biases[layer]).sum() for layer in self.even), p.new_zeros(()))
        base = base + self.odd_units * math.log(2)
        return PartitionFunction(*(base + part for part in joined_log_ratio(there, back)))
