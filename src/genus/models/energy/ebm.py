"""Deep energy-based models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, Samples
from genus.core.components import Network
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count, Positive, Share, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.scaling import Scaling


@model("ebm", paper="arXiv:1903.08689")
class EBM(Model, Samples, Density):
    """A network E(x) with p(x) = exp(−E(x))/Z, trained against Langevin chains that are kept.

    The gradient of E_data E(x) − E_chains E(x) is followed, plus a penalty on the size of energies. A chain
    moves by x − ½ s² ∇E(x) + r z: with r = s it is Langevin dynamics, whose energy is E up to the bias of its
    step; with a smaller r it samples exp(−E s²/r²), a lower temperature, as practice has it. The likelihood
    is unnormalised.

    Args:
        network: from an example to one number, its energy; without batch norm, which couples chains.
        steps: Langevin steps per update.
        step_size: s, on the scale of the networks, [−1, 1] where data are bounded.
        step_noise: r.
        replay: chains that are kept.
        fresh: share of a batch's chains that begin with noise.
        bound: gradient of the energy at an element beyond which a step is no longer.
        data_noise: deviation of noise on the data.
        energy_penalty: weight of E(x)², on data and chains.
        sampling_steps: Langevin steps from a kept chain to a sample.
    """

    kind = "unnormalised"
    chains: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        network: Network,
        steps: Count = 40,
        step_size: Positive = 4.5,
        step_noise: Weight = 0.005,
        replay: Count = 2000,
        fresh: Share = 0.05,
        bound: Positive = 0.03,
        data_noise: Weight = 0.005,
        energy_penalty: Weight = 0.1,
        sampling_steps: Count = 40,
    ) -> None:
        super().__init__(spec)
        self.scaling = Scaling(spec)
        self.network = network(spec.shape, (1,))
        self.steps, self.sampling_steps = steps, sampling_steps
        self.step_size, self.step_noise, self.bound = step_size, step_noise, bound
        self.fresh, self.data_noise, self.energy_penalty = fresh, data_noise, energy_penalty
        self.register_buffer("chains", self._beginnings(torch.rand(replay, *spec.shape)))

    def phases(self) -> Sequence[Phase]:
        """One phase; chains advance once per update, so it is not split."""
        return [Phase(name="contrast", updates={"energy": self.parameters}, loss=self.loss, whole_batch=True)]

    def energy(self, x: Tensor) -> Tensor:
        """E ``(n,)`` of scaled examples ``(n, *shape)``."""
        return self.network(x).flatten(1).sum(1).to(x.dtype)

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Mean energy of data less that of chains, and their squares."""
        n = len(batch)
        x = self.scaling.inward(batch.x)
        x = x + self.data_noise * ctx.noise.normal(*x.shape)
        places = ctx.noise.integers(len(self.chains), n)
        begin = self._beginnings(ctx.noise.uniform(*x.shape))
        fresh = ctx.noise.uniform(n) < self.fresh
        start = torch.where(fresh.view(-1, *[1] * (x.dim() - 1)), begin, self.chains[places])
        chains = self.langevin(start, self.steps, ctx.noise)
        self.chains[places] = chains
        of_data, of_chains = self.energy(torch.cat([x, chains])).split(n)
        ctx.observe(data=of_data.mean(), chains=of_chains.mean())
        squares = of_data.square().mean() + of_chains.square().mean()
        return {"contrast": of_data.mean() - of_chains.mean(), "size": self.energy_penalty * squares}

    def langevin(self, x: Tensor, steps: int, noise: Noise) -> Tensor:
        """Chains ``(n, *shape)`` after some steps; bounded data stay within [−1, 1]."""
        for _ in range(steps):
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.energy(leaf).sum(), leaf)
            x = x.detach() - 0.5 * self.step_size**2 * slope.clamp(-self.bound, self.bound)
            x = x + self.step_noise * noise.normal(*x.shape).to(x.dtype)
            if self.spec.range is not None:
                x = x.clamp(-1, 1)
        return x.detach()

    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Continue kept chains with the network in evaluation."""
        start = self.chains[noise.integers(len(self.chains), n)]
        with torch.no_grad():
            return self.scaling.outward(self.langevin(start, self.sampling_steps, noise))

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """−E(x), which lacks log Z."""
        with torch.no_grad():
            return -self.energy(self.scaling.inward(x))

    def _beginnings(self, uniform: Tensor) -> Tensor:
        """Where chains begin: uniform in [−1, 1] for bounded data, else standard normal."""
        if self.spec.range is not None:
            return 2 * uniform - 1
        return math.sqrt(2) * torch.erfinv((2 * uniform - 1).clamp(-0.999999, 0.999999))
