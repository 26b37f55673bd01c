"""Speed of flows against nflows, zuko and normflows: ``python -m benchmarks.flows`` (see docs/ledger.md).

Vectors of 64 normal numbers in batches of 256, four couplings, networks of 2 × 128 hidden units, 8 bins,
splines within ±5. Ours has activation normalisation and a learned mixing of all elements in each step
besides; theirs exchange halves, or permute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Comparison, alternate, engine_turn, print_table, timed, vectors
from genus.assembly import build_model, open_data
from genus.sampling.draw import draw
from genus.verbs.show import show

SIZE, COUPLINGS, HIDDEN, BATCH, STEPS = 64, 4, 128, 256, 20


def recipe(name: str) -> dict[str, Any]:
    """A flow of the common size."""
    return {
        "model": {
            "name": name, "network": {"name": "mlp", "hidden": [HIDDEN, HIDDEN]}, "couplings": COUPLINGS,
        },
        "optimizer": {"name": "adam", "lr": 1e-3},
        "data": vectors((10 * BATCH, SIZE)),
        "train": {"length": 1, "batch": BATCH},
    }  # fmt: skip


class Perceptron(nn.Sequential):
    """The network of a coupling, as nflows calls it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Linear(inputs, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, outputs),
        )

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> Tensor:
        """Outputs; there is no context."""
        del context
        return super().forward(inputs)


def nflows_spline() -> Any:
    """Couplings of rational-quadratic splines with linear tails."""
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import CompositeTransform, PiecewiseRationalQuadraticCouplingTransform

    mask = torch.arange(SIZE) % 2
    return Flow(
        CompositeTransform(
            PiecewiseRationalQuadraticCouplingTransform(
                mask if i % 2 else 1 - mask, Perceptron, num_bins=8, tails="linear", tail_bound=5.0
            )
            for i in range(COUPLINGS)
        ),
        StandardNormal([SIZE]),
    )


def zuko_spline() -> Any:
    """Couplings of the same size; the masked networks of NSF have nearly twice the parameters."""
    import zuko

    mask = torch.arange(SIZE) % 2 == 0
    parts = [
        zuko.flows.GeneralCouplingTransform(
            SIZE,
            mask=mask if i % 2 else ~mask,
            univariate=zuko.transforms.MonotonicRQSTransform,
            shapes=[(8,), (8,), (7,)],
            hidden_features=(HIDDEN, HIDDEN),
        )
        for i in range(COUPLINGS)
    ]
    normal = zuko.distributions.DiagNormal
    base = zuko.flows.UnconditionalDistribution(normal, torch.zeros(SIZE), torch.ones(SIZE), buffer=True)
    return zuko.flows.Flow(parts, base)


def normflows_realnvp() -> Any:
    """Affine couplings and exchanges of halves."""
    import normflows

    parts = []
    for _ in range(COUPLINGS):
        network = normflows.nets.MLP([SIZE // 2, HIDDEN, HIDDEN, SIZE])
        parts += [normflows.flows.AffineCouplingBlock(network), normflows.flows.Permute(SIZE, mode="swap")]
    return normflows.NormalizingFlow(normflows.distributions.base.DiagGaussian(SIZE), parts)


def check_size(name: str, rival: nn.Module) -> None:
    """Stop unless the networks of our couplings have as many parameters as the rival's.

    normflows' base has a mean and a deviation per element, which are learned and not counted.
    """
    bound = show(recipe(name))
    model = build_model(bound, open_data(bound).spec)
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    ours = sum(p.numel() for layer in linear for p in layer.parameters())
    theirs = sum(p.numel() for p in rival.parameters()) - (2 * SIZE if name == "realnvp" else 0)
    assert ours == theirs, f"{name}: {ours} parameters against {theirs}"


def training(name: str, rival: nn.Module, log_prob: Callable[[Tensor], Tensor], against: str) -> Comparison:
    """Steps of Adam on the negative log-likelihood."""
    check_size(name, rival)
    x, adam = torch.randn(BATCH, SIZE), torch.optim.Adam(rival.parameters(), 1e-3)

    def steps() -> None:
        for _ in range(STEPS):
            adam.zero_grad()
            (-log_prob(x).mean()).backward()
            adam.step()

    ours = engine_turn(recipe(name), [], STEPS, "iterations")
    return alternate(f"{name} d = {SIZE}, {STEPS} training steps, vs {against}", ours, timed(steps))


def sampling(name: str, sample: Callable[[], Any], against: str) -> Comparison:
    """Ten batches of samples, without gradients."""
    bound = show(recipe(name))
    model = build_model(bound, open_data(bound).spec).eval()

    def theirs() -> None:
        with torch.no_grad():
            for _ in range(10):
                sample()

    ours = timed(lambda: draw(model, 10 * BATCH, batch=BATCH))
    return alternate(f"{name} d = {SIZE}, {10 * BATCH:,} samples, vs {against}", ours, timed(theirs))


def spline_training_nflows() -> Comparison:
    """Training of spline couplings."""
    rival = nflows_spline()
    return training("spline-flow", rival, rival.log_prob, "nflows 0.14")


def spline_training_zuko() -> Comparison:
    """The same, against zuko."""
    rival = zuko_spline()
    return training("spline-flow", rival, lambda x: rival().log_prob(x), "zuko 1.6.0")


def spline_sampling_nflows() -> Comparison:
    """Sampling of spline couplings."""
    rival = nflows_spline().eval()
    return sampling("spline-flow", lambda: rival.sample(BATCH), "nflows 0.14")


def spline_sampling_zuko() -> Comparison:
    """The same, against zuko."""
    rival = zuko_spline().eval()
    return sampling("spline-flow", lambda: rival().sample((BATCH,)), "zuko 1.6.0")


def realnvp_training() -> Comparison:
    """Training of affine couplings."""
    rival = normflows_realnvp()
    return training("realnvp", rival, rival.log_prob, "normflows 1.7.3")


def realnvp_sampling() -> Comparison:
    """Sampling of affine couplings."""
    rival = normflows_realnvp().eval()
    return sampling("realnvp", lambda: rival.sample(BATCH), "normflows 1.7.3")


CASES: dict[str, Callable[[], Comparison]] = {
    "spline-nflows": spline_training_nflows,
    "spline-zuko": spline_training_zuko,
    "spline-sample-nflows": spline_sampling_nflows,
    "spline-sample-zuko": spline_sampling_zuko,
    "realnvp-normflows": realnvp_training,
    "realnvp-sample-normflows": realnvp_sampling,
}

if __name__ == "__main__":
    print_table(__doc__, CASES)
