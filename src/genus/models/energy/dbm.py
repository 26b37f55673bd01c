"""Deep Boltzmann machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, DrawsMeans
from genus.core.filters import ShowsFilters
from genus.core.model import Model
from genus.core.noise import Noise, unbatched
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, ShareBelow1
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.energy.deep_machine import DeepMachine
from genus.models.energy.partition import PartitionFunction


@model("dbm", paper="Salakhutdinov and Hinton, AISTATS 2009")
class DBM(Model, DrawsMeans, Density, ShowsFilters):
    """Two or more layers of hidden units, all undirected, trained by mean field and persistent chains.

    The data's expectations are those of a factorial posterior q(h | v), found by coordinate ascent on the
    bound log p(v) ≥ E_q[−E] + H(q) − log Z; the model's are those of Gibbs chains that are kept from update
    to update. Before, each pair of layers is trained as a restricted machine by contrastive divergence, with
    the input doubled that it lacks from the other side. Grey values are probabilities from which binary
    data are drawn anew each time; samples are binary, their means p(v = 1 | h).
    """

    kind = "estimate"
    levels = 2
    chains: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Sequence[Count] = (500, 500),
        mean_field_steps: Count = 10,
        steps: Count = 5,
        pretraining: ShareBelow1 = 0.15,
        num_chains: Count = 100,
        sampling_steps: Count = 200,
    ) -> None:
        """Build the machine.

        Args:
            hidden: units of each hidden layer, from below; two layers or more.
            mean_field_steps: passes over the hidden layers, in training and for the bound.
            steps: Gibbs steps of the chains per update, and of contrastive divergence before.
            pretraining: share of the training length spent on pairs of layers, in [0, 1); 0 for none.
            num_chains: chains that are kept.
            sampling_steps: Gibbs steps from a stored chain to a sample.
        """
        super().__init__(spec)
        self.require("values in [0, 1]", spec.range == (0.0, 1.0))
        self.require("two or more hidden layers; rbm has one", len(hidden) >= 2)
        self.machine = DeepMachine([spec.size, *hidden])
        self.mean_field_steps = mean_field_steps
        self.steps = steps
        self.pretraining = pretraining
        self.sampling_steps = sampling_steps
        self.register_buffer("chains", torch.full((num_chains, self.machine.odd_units), 0.5))

    def stages(self) -> Sequence[Stage]:
        """One stage per pair of layers, then all together; chains advance once per update."""
        pairs = len(self.machine.weights)
        before = [
            Stage(
                name=f"layers {layer} and {layer + 1}",
                share=self.pretraining / pairs,
                phases=[
                    Phase(
                        name=f"pair {layer + 1}",
                        updates={f"pair {layer + 1}": self._pair_parameters(layer)},
                        loss=self._pair_loss(layer),
                    )
                ],
            )
            for layer in range(pairs if self.pretraining else 0)
        ]
        together = Phase(
            name="machine", updates={"machine": self.machine.parameters}, loss=self.loss, whole_batch=True
        )
        return [*before, Stage(name="machine", share=1 - self.pretraining, phases=[together])]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        """Energy of the data's mean-field states less that of the chains, with its gradient."""
        v = ctx.noise.bernoulli(batch.x.flatten(1))
        found = self.machine.contrast(
            v, self.chains, mean_field_steps=self.mean_field_steps, steps=self.steps, noise=ctx.noise
        )
        self.chains.copy_(found.chains)
        ctx.supply(found.gradients)
        return {"divergence": found.divergence}

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        start = self.chains[noise.integers(len(self.chains), n)]
        states, mean = self.machine.gibbs(start, self.sampling_steps, noise)
        return (mean if means else states[0]).reshape(n, *self.spec.shape)

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """The variational bound, with log Z annealed in both directions."""
        return self.machine.bound(x.flatten(1), self.mean_field_steps) - self._partition(noise).estimate

    def normaliser_error(self, noise: Noise) -> tuple[float, float]:
        return self._partition(noise).error()

    def filters(self) -> Tensor:
        return self.machine.weights[0].t().reshape(-1, *self.spec.shape)

    def _partition(self, noise: Noise) -> PartitionFunction:
        return self.machine.log_partition(self.chains, unbatched(noise))

    def _pair_parameters(self, layer: int) -> Callable[[], list[torch.nn.Parameter]]:
        machine = self.machine
        return lambda: [machine.weights[layer], machine.biases[layer], machine.biases[layer + 1]]

    def _pair_loss(self, layer: int) -> Callable[[Batch, Context], Terms]:
        """Contrastive divergence of two layers, each with the input doubled that it will get from beyond."""
        up = 1 if layer == len(self.machine.weights) - 1 else 2
        down = 1 if layer == 0 else 2

        @torch.no_grad()
        def loss(batch: Batch, ctx: Context) -> Terms:
            weight, below, above = self._pair_parameters(layer)()
            v = ctx.noise.bernoulli(batch.x.flatten(1))
            for number in range(layer):
                bias = self.machine.biases[number + 1]
                v = ctx.noise.bernoulli((bias + 2 * (v @ self.machine.weights[number])).sigmoid())
            h = (above + up * (v @ weight)).sigmoid()
            seen, chance = v, h
            for _ in range(self.steps):
                seen = ctx.noise.bernoulli(
                    (below + down * (ctx.noise.bernoulli(chance) @ weight.t())).sigmoid()
                )
                chance = (above + up * (seen @ weight)).sigmoid()
            n = len(v)
            ctx.supply(
                {
                    weight: ((seen.t() @ chance - v.t() @ h) / n).to(weight.dtype),
                    below: (seen - v).mean(0),
                    above: (chance - h).mean(0),
                }
            )
            return {"reconstruction": (v - seen).square().mean()}

        return loss
