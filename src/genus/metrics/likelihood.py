"""Log-likelihood of test examples, in nats and in bits per dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import Density, Samples
from genus.core.errors import CapabilityError, DataError, NonFiniteError
from genus.core.model import Model
from genus.core.noise import Noise, derive_seed
from genus.core.registry import metric
from genus.core.spec import DataSpec
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import mean_interval, means_without_each, standard_error
from genus.metrics.score import Score, join_notes
from genus.sampling.draw import device_of, evaluating

_BOUNDS = {
    "exact": "",
    "lower_bound": "upper bound: the model's own likelihood is at least as good",
    "estimate": "log Z is estimated by annealed importance sampling",
    "unnormalised": "log Z is unknown: only differences within this model mean anything",
}


@dataclass(frozen=True)
class Likelihood:
    """Summary of log-likelihoods.

    Args:
        nats: mean negative log-likelihood per example.
        bits_per_dim: the same in bits per element.
        standard_error: of ``nats``.
        low: lower end of the 95 % interval of ``nats``.
        high: upper end.
        n: number of examples.
    """

    nats: float
    bits_per_dim: float
    standard_error: float
    low: float
    high: float
    n: int


def summarise_likelihood(log_prob: ArrayLike, size: int) -> Likelihood:
    r"""Mean negative log-likelihood with its error.

    .. math:: \mathrm{nats} = -\frac1n\sum_i \log p(x_i), \qquad
        \mathrm{bits/dim} = \frac{\mathrm{nats}}{D \ln 2}

    Args:
        log_prob: nats ``(n,)``.
        size: number of elements D of one example.

    Raises:
        DataError: for no examples.
        NonFiniteError: when a value is NaN or infinite.

    >>> round(summarise_likelihood([-784 * math.log(256)] * 3, 784).bits_per_dim, 12)
    8.0
    """
    values = -np.asarray(log_prob, dtype=np.float64)
    if not len(values):
        raise DataError("a likelihood of no examples is undefined; evaluate with at least one")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise NonFiniteError(
            f"log_prob is NaN or infinite for {bad} of {len(values)} test examples; the mean is undefined. "
            "Check that they lie in the model's range"
        )
    nats = float(values.mean())
    low, high = mean_interval(values)
    return Likelihood(nats, nats / (size * math.log(2)), standard_error(values), low, high, len(values))


def to_levels(x: Tensor, spec: DataSpec, levels: int | None, noise: Noise) -> Tensor:
    """Put examples on the grid a model's likelihood is defined on.

    Two levels are drawn, white with the element's grey value as probability, as is usual for
    binarised digits; any other number is rounded to; None leaves the examples as they are.

    Args:
        x: examples ``(n, *spec.shape)`` in data units.
        spec: the data.
        levels: number of values an element may take.
        noise: of the draws.

    Raises:
        DataError: when the data are unbounded and so have no grid.
    """
    if levels is None or levels == spec.levels:
        return x
    if spec.range is None:
        raise DataError(
            f"the model's likelihood is for {levels} levels, the data are unbounded: {spec.describe()}"
        )
    low, high = spec.range
    unit = ((x - low) / (high - low)).clamp(0, 1)
    unit = noise.bernoulli(unit) if levels == 2 else (unit * (levels - 1)).round() / (levels - 1)
    return low + unit * (high - low)


def likelihood_kind(model: Density) -> str:
    """Kind of a model's likelihoods: ``"exact, 256 levels"``, ``"lower_bound, density"`` …"""
    return f"{model.kind}, " + ("density" if model.levels is None else f"{model.levels} levels")


def log_likelihoods(
    model: Model, x: Tensor, condition: Condition | None = None, *, seed: int, start: int = 0
) -> Tensor:
    """Log-likelihoods of some examples, in nats; the model is left as it was.

    Args:
        model: one with a density.
        x: examples ``(n, *spec.shape)`` in data units, on any grid; see :func:`to_levels`.
        condition: class numbers ``(n,)``; used by conditional models only.
        seed: of binarisation, dequantisation and sampled bounds.
        start: number of the first example, so that splitting the work changes nothing.

    Returns:
        ``(n,)``, float64, on the CPU.

    Raises:
        CapabilityError: when the model has no density.
    """
    if not isinstance(model, Density):
        raise CapabilityError(f"{type(model).__name__} has no likelihood; ask for another score")
    device = device_of(model)
    binarise = Noise(derive_seed(seed, "levels"), start=start, block=1)
    x = to_levels(x.cpu(), model.spec, model.levels, binarise).to(device)
    conditional = isinstance(model, Samples) and model.conditional and condition is not None
    labels = condition.to(device) if conditional and condition is not None else None
    with evaluating(model):
        noise = _likelihood_noise(model, seed, start)
        return model.log_prob(x, condition=labels, noise=noise).detach().double().cpu()


def _likelihood_noise(model: Model, seed: int, start: int) -> Noise:
    return Noise(derive_seed(seed, "likelihood"), start=start, block=1, device=device_of(model))


@metric("likelihood")
@needs(Density)
def likelihood_scores(evidence: Evidence) -> list[Score]:
    """Negative log-likelihood of test examples, in nats and in bits per dimension."""
    model, seed = evidence.model, evidence.protocol.seed
    assert isinstance(model, Density)  # declared by needs
    values: list[Tensor] = []
    baseline: list[float] = []
    start = 0
    for batch in evidence.real.likelihood_batches():
        values.append(log_likelihoods(model, batch.x, batch.condition, seed=seed, start=start))
        if model.levels is None and evidence.spec.example.is_flat:
            densities = evidence.real.em_mixture.log_prob(batch.x)
            baseline += [] if densities is None else densities.tolist()
        start += len(batch)
    found = summarise_likelihood(torch.cat(values).numpy(), evidence.spec.size)
    lower, higher = 0.0, 0.0
    if model.kind == "estimate":
        with evaluating(model):
            lower, higher = model.normaliser_error(_likelihood_noise(model, seed, 0))
    score = Score(
        name="nll",
        value=found.nats,
        low=found.low - lower,
        high=found.high + higher,
        n=found.n,
        own=((lower + higher) / 4) ** 2,
        baseline=-float(np.mean(baseline)) if baseline else None,
        better="lower",
        unit="nats",
        kind=likelihood_kind(model),
        shared=means_without_each(-torch.cat(values).numpy()),
        note=join_notes(
            _BOUNDS[model.kind], _normaliser_note(lower, higher), _grid_note(model, evidence.spec)
        ),
    )
    return [score, _per_dimension(score, evidence.spec.size)]


def _per_dimension(score: Score, size: int) -> Score:
    unit = size * math.log(2)
    baseline = None if score.baseline is None else score.baseline / unit
    return replace(
        score,
        name="bits-per-dim",
        value=score.value / unit,
        low=score.low / unit,
        high=score.high / unit,
        own=score.own / unit**2,
        baseline=baseline,
        shared=[mean / unit for mean in score.shared or ()],
        unit="bits/dim",
    )


def _normaliser_note(lower: float, higher: float) -> str:
    if not lower + higher:
        return ""
    return (
        f"annealing there and back allows {lower:.2g} nats less and {higher:.2g} more, which the interval "
        "holds"
    )


def _grid_note(model: Density, spec: DataSpec) -> str:
    if model.levels is None:
        return "density of the data as read; may be negative"
    if model.levels == spec.levels:
        return ""
    if model.levels == 2:
        return "examples binarised at random by their grey values"
    return f"examples rounded to {model.levels} levels"
