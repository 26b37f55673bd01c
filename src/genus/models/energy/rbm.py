"""Restricted Boltzmann machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, DrawsMeans
from genus.core.errors import RecipeError
from genus.core.filters import ShowsFilters
from genus.core.model import Model
from genus.core.noise import Noise, unbatched
from genus.core.phase import Context, Phase, Terms
from genus.core.ranges import Count
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.discrete import dequantise, to_data
from genus.layers.scaling import Scaling
from genus.models.energy.gaussian_machine import GaussianMachine
from genus.models.energy.machine import BoltzmannMachine
from genus.models.energy.partition import PartitionFunction


@model("rbm", paper="doi:10.1162/089976602760128018")
class RBM(Model, DrawsMeans, Density, ShowsFilters):
    """Binary hidden, binary or Gaussian visible units, by contrastive or persistent contrastive divergence.

    The gradient of E_data F(v) − E_model F(v) is followed, the model's expectation being taken
    over Gibbs chains: started at the data (CD-k), or kept from update to update (PCD,
    doi:10.1145/1390156.1390290); what is kept is p(h = 1 | v). Binary units take grey values for
    probabilities from which binary data are drawn anew each time; samples are binary, their means
    p(v = 1 | h). Gaussian units take any data: unbounded ones standardised, discrete ones dequantised;
    samples are draws of p(v), their means those of p(v | h).
    """

    kind = "estimate"
    chains: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        visible: Literal["binary", "gaussian"] = "binary",
        hidden: Count = 256,
        steps: Count = 1,
        persistent: bool = True,
        num_chains: Count = 100,
        sampling_steps: Count = 200,
        binary_data: bool = True,
    ) -> None:
        """Build the machine.

        Args:
            visible: kind of the visible units: binary for values in [0, 1], Gaussian for all others
                (doi:10.1007/978-3-642-21735-7_2, whose variances are learned).
            hidden: hidden units.
            steps: k, Gibbs steps per update.
            persistent: keep the chains between updates (PCD) instead of starting at the data.
            num_chains: persistent chains.
            sampling_steps: Gibbs steps from a stored chain to a sample.
            binary_data: of binary units: draw binary data from grey values anew for each update; when
                false, the grey values stand for the visible units themselves: less noise, and faster.
        """
        super().__init__(spec)
        self.gaussian = visible == "gaussian"
        in_range = self.gaussian or spec.range == (0.0, 1.0)
        self.require("values in [0, 1], or visible=gaussian", in_range)
        if self.gaussian and not binary_data:
            raise RecipeError(
                "model.binary_data=false is of binary units; leave it out with visible=gaussian"
            )
        self.machine = (GaussianMachine if self.gaussian else BoltzmannMachine)(spec.size, hidden)
        self.scaling = Scaling(spec) if self.gaussian else nn.Identity()
        self.levels = spec.levels if self.gaussian else 2
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
        v, _ = self._units(batch.x, ctx.noise)
        if self.binary_data and not self.gaussian:
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
        x = (mean if means else drawn).reshape(n, *self.spec.shape)
        if not isinstance(self.scaling, Scaling):
            return x
        x = self.scaling.outward(x)
        if not means:
            return to_data(x, self.spec)
        return x if self.spec.range is None else x.clamp(*self.spec.range)

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """−F(x) − log Z with log Z estimated by annealed importance sampling in both directions."""
        v, offset = self._units(x, noise)
        return offset - self.machine.free_energy(v) - self._partition(noise).estimate

    def filters(self) -> Tensor:
        return self.machine.weight.t().reshape(-1, *self.spec.shape)

    def normaliser_error(self, noise: Noise) -> tuple[float, float]:
        return self._partition(noise).error()

    def _units(self, x: Tensor, noise: Noise) -> tuple[Tensor, float | Tensor]:
        """Values of the visible units ``(n, visible)``, and ln |det| of the way there in nats."""
        if not isinstance(self.scaling, Scaling):
            return x.flatten(1), 0.0
        x, bins = dequantise(x, self.spec, noise)
        return self.scaling.inward(x).flatten(1), bins + self.scaling.log_volume.to(x)

    def _partition(self, noise: Noise) -> PartitionFunction:
        return self.machine.log_partition(self.chains, unbatched(noise))

    def _recycled(self, chains: Tensor) -> Tensor:
        """As many chains as are kept, from the newest ones."""
        return chains[torch.arange(len(self.chains), device=chains.device) % len(chains)]
