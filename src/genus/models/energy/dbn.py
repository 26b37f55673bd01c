"""Deep belief network."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Classifies, Density, DrawsMeans
from genus.core.filters import ShowsFilters
from genus.core.model import Model
from genus.core.noise import Noise, unbatched
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, ShareBelow1
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.models.energy.machine import BoltzmannMachine, bernoulli_entropy
from genus.models.energy.partition import PartitionFunction


@model("dbn", paper="doi:10.1162/neco.2006.18.7.1527")
class DBN(Model, DrawsMeans, Density, Classifies, ShowsFilters):
    """Restricted Boltzmann machines trained one on top of the other; the top two layers stay undirected.

    P(v, h¹, …, h^L) = P(v|h¹) … P(h^{L−2}|h^{L−1}) P(h^{L−1}, h^L). Each stage trains one machine
    by contrastive divergence on hidden states sampled from the layer below, the top one with
    chains that are kept between updates, because samples are drawn from it. With labelled data a
    last stage fine-tunes a feed-forward classifier that starts from the recognition weights.
    Samples come from Gibbs steps in the top machine and one downward pass.
    """

    kind = "estimate"
    levels = 2
    started: Tensor
    chains: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Sequence[Count] = (500, 500),
        steps: Count = 1,
        top_steps: Count = 5,
        persistent: bool = True,
        num_chains: Count = 100,
        sampling_steps: Count = 200,
        classifier_share: ShareBelow1 = 0.25,
        dropout: ShareBelow1 = 0.5,
    ) -> None:
        """Build all machines.

        Args:
            hidden: units of each layer, from below.
            steps: k, Gibbs steps per update of the machines below the top one.
            top_steps: k, Gibbs steps per update of the top machine.
            persistent: keep the top machine's chains between updates (doi:10.1145/1390156.1390290)
                instead of starting at the data.
            num_chains: chains of the top machine, from which samples start.
            sampling_steps: Gibbs steps in the top machine per sample.
            classifier_share: share of the training length spent on the classifier, in [0, 1);
                0 for none.
            dropout: share of units dropped while the classifier is tuned, in [0, 1).
        """
        super().__init__(spec)
        self.require("values in [0, 1]", spec.range == (0.0, 1.0))
        sizes = [spec.size, *hidden]
        self.machines = nn.ModuleList(BoltzmannMachine(*pair) for pair in itertools.pairwise(sizes))
        self.steps = steps
        self.top_steps = top_steps
        self.persistent = persistent
        self.sampling_steps = sampling_steps
        self.classifier_share = classifier_share if spec.classes else 0.0
        self.recognition = nn.ModuleList(
            nn.Linear(below, above) for below, above in itertools.pairwise(sizes)
        )
        self.readout = nn.Linear(sizes[-1], max(spec.num_classes, 1))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("started", torch.zeros(len(sizes), dtype=torch.bool))
        self.register_buffer(
            "chains", (torch.rand(num_chains, sizes[-1]) < 0.5).to(torch.get_default_dtype())
        )

    @property
    def _layers(self) -> list[BoltzmannMachine]:
        return [machine for machine in self.machines if isinstance(machine, BoltzmannMachine)]

    def stages(self) -> Sequence[Stage]:
        """One stage per machine, then the classifier."""
        share = (1 - self.classifier_share) / len(self.machines)
        stages = [
            Stage(
                name=f"layer {depth + 1}",
                share=share,
                enter=self._starter(depth),
                phases=[
                    Phase(
                        name=f"contrastive {depth + 1}",
                        updates={f"machine {depth + 1}": machine.parameters},
                        loss=self._layer_loss(depth),
                        whole_batch=self.persistent and depth == len(self.machines) - 1,
                    )
                ],
            )
            for depth, machine in enumerate(self._layers)
        ]
        if self.classifier_share:
            classifier = Phase(
                name="classifier",
                updates={"classifier": self._classifier_parameters},
                loss=self.classifier_loss,
            )
            enter = self._starter(len(self.machines))
            stages.append(
                Stage(name="classifier", share=self.classifier_share, enter=enter, phases=[classifier])
            )
        return stages

    def classifier_loss(self, batch: Batch, ctx: Context) -> Terms:
        """Cross-entropy of the classes."""
        labels = self.spec.class_labels(batch.condition)
        assert labels is not None
        logits = self.classify(batch.x)
        ctx.observe(accuracy=(logits.argmax(1) == labels).float().mean())
        return {"cross-entropy": cross_entropy(logits, labels)}

    def classify(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for layer in self.recognition:
            h = self.dropout(layer(h).sigmoid())
        return self.readout(h)

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        top = self._layers[-1]
        start = self.chains[noise.integers(len(self.chains), n)]
        state, mean = top.gibbs(start, self.sampling_steps, noise)
        for machine in reversed(self._layers[:-1]):
            mean = machine.visible_given(state)
            state = noise.bernoulli(mean)
        return (mean if means else state).reshape(n, *self.spec.shape)

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Variational bound with factorial posteriors and an annealed estimate of the top log Z.

        Σ_l E_q[log P(h^{l−1}|h^l)] + H(q(h^l|h^{l−1})) − E_q F_top(h^{L−1}) − log Z_top, the
        expectations by one ancestral sample.
        """
        top = self._layers[-1]
        total = -self._partition(noise).estimate.expand(len(x))
        state = x.flatten(1)
        for machine in self._layers[:-1]:
            q = machine.hidden_given(state)
            above = noise.bernoulli(q)
            down = machine.visible_given(above)
            likelihood = -binary_cross_entropy(down, state, reduction="none").sum(1)
            total = total + likelihood + bernoulli_entropy(q)
            state = above
        return total - top.free_energy(state)

    def filters(self) -> Tensor:
        return self._layers[0].weight.t().reshape(-1, *self.spec.shape)

    def normaliser_error(self, noise: Noise) -> tuple[float, float]:
        return self._partition(noise).error()

    def _partition(self, noise: Noise) -> PartitionFunction:
        return self._layers[-1].log_partition(self.chains, unbatched(noise))

    def _layer_loss(self, depth: int) -> Callable[[Batch, Context], Terms]:
        def loss(batch: Batch, ctx: Context) -> Terms:
            machine = self._layers[depth]
            v = self._states_below(depth, batch.x, ctx.noise)
            top = depth == len(self.machines) - 1
            start = self.chains if top and self.persistent else None
            found = machine.contrast(v, self.top_steps if top else self.steps, ctx.noise, start)
            if top:
                count = min(len(found.chains), len(self.chains))
                self.chains.copy_(torch.cat([self.chains[count:], found.chains[:count]]))
            ctx.supply(found.gradients)
            return {"divergence": found.divergence}

        return loss

    @torch.no_grad()
    def _states_below(self, depth: int, x: Tensor, noise: Noise) -> Tensor:
        """Binary states of layer ``depth``, drawn upwards from the data."""
        state = noise.bernoulli(x.flatten(1))
        for machine in self._layers[:depth]:
            state = noise.bernoulli(machine.hidden_given(state))
        return state

    def _starter(self, depth: int) -> Callable[[], None]:
        """Initial weights of a stage from those below; done once, even when a run resumes."""

        @torch.no_grad()
        def start() -> None:
            if self.started[depth]:
                return
            self.started[depth] = True
            if depth == len(self.machines):
                for layer, machine in zip(self.recognition, self._layers, strict=True):
                    assert isinstance(layer, nn.Linear)
                    layer.weight.copy_(machine.weight.t())
                    layer.bias.copy_(machine.hidden_bias)

        return start

    def _classifier_parameters(self) -> list[nn.Parameter]:
        return [*self.recognition.parameters(), *self.readout.parameters()]
