"""Restricted Boltzmann machine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, DrawsMeans
from genus.core.model import Model
from genus.core.noise import Noise, unbatched
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.energy.machine import BoltzmannMachine, PartitionFunction


@model("rbm", paper="doi:10.1162/089976602760128018")
class RBM(Model, DrawsMeans, Density):
    """Binary visible and hidden units, trained by contrastive or persistent contrastive divergence.

    The gradient of E_data F(v) − E_model F(v) is followed, the model's expectation being taken
    over Gibbs chains: started at the data (CD-k), or kept from update to update (PCD,
    doi:10.1145/1390156.1390290); what is kept is p(h = 1 | v). Grey values are probabilities from
    which binary data are drawn anew each time; samples are binary, their means p(v = 1 | h).
    """

    kind = "estimate"
    levels = 2
    chains: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Count = 256,
        steps: Count = 1,
        persistent: bool = True,
        num_chains: Count = 100,
        sampling_steps: Count = 200,
        binary_data: bool = True,
    ) -> None:
        """Build the machine.

        Args:
            hidden: hidden units.
            steps: k, Gibbs steps per update.
            persistent: keep the chains between updates (PCD) instead of starting at the data.
            num_chains: persistent chains.
            sampling_steps: Gibbs steps from a stored chain to a sample.
            binary_data: draw binary data from grey values anew for each update; when false, the
                grey values stand for the visible units themselves: less noise, and faster.
        """
        super().__init__(spec)
        self.require("values in [0, 1]", spec.range == (0.0, 1.0))
        self.machine = BoltzmannMachine(spec.size, hidden)
        self.steps = steps
        self.persistent = persistent
        self.sampling_steps = sampling_steps
        self.binary_data = binary_data
        self.register_buffer("chains", (torch.rand(num_chains, hidden) < 0.5).to(torch.get_default_dtype()))

    def phases(self) -> Sequence[Phase]:
        """One phase; persistent chains advance once per update, so it is not split."""
        return [
            Phase(
                name="contrastive",
                updates={"machine": self.parameters},
                loss=self.loss,
                whole_batch=self.persistent,
            )
        ]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """F(data) − F(chains); its gradient is the contrastive-divergence estimate."""
        v = batch.x.flatten(1)
        if self.binary_data:
            v = ctx.noise.bernoulli(v)
        start = self.chains if self.persistent else None
        found = self.machine.contrast(v, self.steps, ctx.noise, start)
        self.chains.copy_(found.chains if self.persistent else self._recycled(found.chains))
        ctx.supply(found.gradients)
        ctx.observe(energy=found.energy)
        return {"divergence": found.divergence}

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        start = self.chains[noise.integers(len(self.chains), n)]
        drawn, mean = self.machine.gibbs(start, self.sampling_steps, noise)
        return (mean if means else drawn).reshape(n, *self.spec.shape)

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """−F(x) − log Z with log Z estimated by annealed importance sampling in both directions."""
        return -self.machine.free_energy(x.flatten(1)) - self._partition(noise).estimate

    def normaliser_error(self, noise: Noise) -> tuple[float, float]:
        return self._partition(noise).error()

    def _partition(self, noise: Noise) -> PartitionFunction:
        return self.machine.log_partition(self.chains, unbatched(noise))

    def _recycled(self, chains: Tensor) -> Tensor:
        """As many chains as are kept, from the newest ones."""
        return chains[torch.arange(len(self.chains), device=chains.device) % len(chains)]
