"""Gaussian mixture by expectation maximisation: the naive generative model, and our baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from genus.core.batch import Batch, Condition
from genus.core.capabilities import Density, DrawsMeans
from genus.core.length import Length
from genus.core.model import MinimumBatch, Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.ranges import Count, Weight
from genus.core.registry import model
from genus.core.spec import DataSpec
from genus.layers.discrete import dequantise, to_data
from genus.layers.measured import spread_of

_LARGEST = 16384


@model("gmm", paper="doi:10.1111/j.2517-6161.1977.tb01600.x")
class GaussianMixture(Model, DrawsMeans, Density):
    """Mixture of full-covariance Gaussians on principal components, by exact EM over passes of the data.

    p(x) = Σ_k π_k N(y; μ_k, Σ_k) · N(residual; 0, σ²I), y the coordinates of x on the principal
    axes and σ² the mean variance of the axes left out (as in probabilistic PCA). Distances are in units of
    the range of bounded data, and of the deviation of each element of unbounded data. Stages: principal
    axes (one pass), k-means, EM; every statistic is a sum over the data, so data stream and
    ranks add up. The means of samples lack the residual.
    """

    optimised = False

    mean: Tensor
    unit: Tensor
    basis: Tensor
    residual: Tensor
    weights: Tensor
    centres: Tensor
    covariances: Tensor
    count: Tensor
    first: Tensor
    second: Tensor
    data_count: Tensor
    data_first: Tensor
    data_second: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        components: Count = 20,
        axes: Count | None = 64,
        kmeans_passes: Count = 10,
        regularisation: Weight = 1e-4,
    ) -> None:
        """Build an empty mixture.

        Args:
            components: K, number of Gaussians.
            axes: principal components kept; null for all.
            kmeans_passes: passes of k-means that initialise EM.
            regularisation: added to the diagonal of each covariance, in squares of these units.
        """
        super().__init__(spec)
        self.require(f"at most {_LARGEST} elements for a covariance", spec.size <= _LARGEST)
        self.kind = "exact" if spec.levels is None else "lower_bound"
        self.levels = spec.levels
        self.kmeans_passes = kmeans_passes
        self.regularisation = regularisation
        size, d = spec.size, min(axes or spec.size, spec.size)
        for name, shape in {
            "mean": (size,), "basis": (size, d), "residual": (), "weights": (components,),
            "centres": (components, d), "covariances": (components, d, d),
            "count": (components,), "first": (components, d), "second": (components, d, d),
            "data_count": (), "data_first": (size,), "data_second": (size, size),
        }.items():  # fmt: skip
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        low, high = spec.range or (0.0, 1.0)
        self.register_buffer("unit", torch.full((size,), high - low, dtype=torch.float64))

    def stages(self) -> Sequence[Stage]:
        """Principal axes, k-means, then EM for the recipe's length."""
        return [
            Stage(
                name="axes",
                length=Length(1, "epochs"),
                phases=[Phase(name="axes", step=self.find_axes)],
                prepares=True,
            ),
            Stage(
                name="k-means",
                length=Length(self.kmeans_passes, "epochs"),
                phases=[Phase(name="k-means", step=self.assign_nearest)],
                prepares=True,
            ),
            Stage(name="em", phases=[Phase(name="em", step=self.expect_and_maximise)]),
        ]

    def minimum_batch(self) -> MinimumBatch:
        """As many as there are Gaussians, for the first batch places them."""
        return MinimumBatch(len(self.weights), f"one for each of model.components={len(self.weights)}")

    def find_axes(self, batch: Batch, ctx: Context) -> Terms:
        """Accumulate mean and covariance; at the end of the pass take the leading eigenvectors."""
        x = batch.x.flatten(1).double()
        self.data_count += ctx.sum_over_ranks(torch.tensor(float(len(x)), dtype=torch.float64))
        self.data_first += ctx.sum_over_ranks(x.sum(0))
        self.data_second += ctx.sum_over_ranks(x.T @ x)
        if ctx.progress.ends_epoch:
            self.mean.copy_(self.data_first / self.data_count)
            squares = self.data_second / self.data_count
            if self.spec.range is None:
                self.unit.copy_(spread_of(squares.diagonal(), self.mean, None))
            covariance = (squares - torch.outer(self.mean, self.mean)) / torch.outer(self.unit, self.unit)
            values, vectors = torch.linalg.eigh(covariance)
            d = self.basis.shape[1]
            self.basis.copy_(vectors[:, -d:].flip(1))
            left = values[:-d] if d < len(values) else values[:0]
            self.residual.copy_(left.mean().clamp_min(self.regularisation) if len(left) else self.residual)
        return {}

    def assign_nearest(self, batch: Batch, ctx: Context) -> Terms:
        """A batch of k-means; at the end of a pass centres move and covariances are taken."""
        y = self.project(batch.x)
        if ctx.progress.stage_iteration == 0:
            spread = _spread_centres(y, len(self.weights), ctx.noise)
            first_rank = ctx.noise.start == 0  # all ranks take its centres
            self.centres.copy_(ctx.sum_over_ranks(spread if first_rank else torch.zeros_like(spread)))
        distance = torch.cdist(y, self.centres).square()
        nearest = distance.argmin(1)
        self._accumulate(y, torch.nn.functional.one_hot(nearest, len(self.weights)).double(), ctx)
        return {"squared distance": distance.min(1).values.mean()}

    def expect_and_maximise(self, batch: Batch, ctx: Context) -> Terms:
        """A batch of the E step; at the end of a pass the M step. Logs log-likelihood per example."""
        y = self.project(batch.x)
        joint = self._joint_log_density(y)
        evidence = joint.logsumexp(1, keepdim=True)
        self._accumulate(y, (joint - evidence).exp(), ctx)
        return {"negative log-likelihood": -evidence.mean()}

    def project(self, x: Tensor) -> Tensor:
        """Coordinates on the principal axes, float64 ``(n, axes)``."""
        return self._centred(x) @ self.basis

    def _centred(self, x: Tensor) -> Tensor:
        return (x.flatten(1).double() - self.mean) / self.unit

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        chosen = noise.categorical(self.weights.log().float().expand(n, -1))
        roots = torch.linalg.cholesky(self.covariances)
        z = noise.normal(n, self.centres.shape[1]).double()
        y = self.centres[chosen] + torch.einsum("nij,nj->ni", roots[chosen], z)
        x = y @ self.basis.T
        if not means and self._left:
            rest = noise.normal(n, self.spec.size).double() * self.residual.sqrt()
            x = x + rest - (rest @ self.basis) @ self.basis.T
        x = (x * self.unit + self.mean).float().reshape(n, *self.spec.shape)
        if means:
            return x if self.spec.range is None else x.clamp(*self.spec.range)
        return to_data(x, self.spec)

    @property
    def _left(self) -> int:
        """Axes left out."""
        return self.spec.size - self.basis.shape[1]

    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Log-density, of dequantised values where the data are discrete."""
        x, offset = dequantise(x, self.spec, noise)
        y = self.project(x)
        density = self._joint_log_density(y).logsumexp(1)
        if self._left:
            rest = self._centred(x).square().sum(1) - y.square().sum(1)
            constant = self._left * torch.log(2 * math.pi * self.residual)
            density = density - (rest / self.residual + constant) / 2
        return (density - self.unit.log().sum() + offset).to(x.dtype)

    def _joint_log_density(self, y: Tensor) -> Tensor:
        """log π_k N(y; μ_k, Σ_k), ``(n, K)``."""
        roots = torch.linalg.cholesky(self.covariances)
        centred = (y[:, None] - self.centres).permute(1, 2, 0)
        white = torch.linalg.solve_triangular(roots, centred, upper=False)
        logdet = roots.diagonal(dim1=1, dim2=2).log().sum(1)
        d = y.shape[1]
        return (self.weights.log() - logdet - d / 2 * math.log(2 * math.pi)) - white.square().sum(1).T / 2

    def _accumulate(self, y: Tensor, responsibility: Tensor, ctx: Context) -> None:
        """Add a batch to the sufficient statistics; maximise when the pass over the data ends."""
        self.count += ctx.sum_over_ranks(responsibility.sum(0))
        self.first += ctx.sum_over_ranks(responsibility.T @ y)
        self.second += ctx.sum_over_ranks(torch.einsum("nk,ni,nj->kij", responsibility, y, y))
        if not ctx.progress.ends_epoch:
            return
        count = self.count.clamp_min(1e-8)
        self.weights.copy_(count / count.sum())
        self.centres.copy_(self.first / count[:, None])
        outer = torch.einsum("ki,kj->kij", self.centres, self.centres)
        eye = torch.eye(y.shape[1], dtype=y.dtype, device=y.device)
        self.covariances.copy_(self.second / count[:, None, None] - outer + self.regularisation * eye)
        for statistic in (self.count, self.first, self.second):
            statistic.zero_()


def _spread_centres(y: Tensor, count: int, noise: Noise) -> Tensor:
    """k-means++: each next centre drawn with probability proportional to its squared distance."""
    centres = y[noise.integers(len(y), 1)]
    for _ in range(count - 1):
        distance = torch.cdist(y, centres).min(1).values.square()
        chosen = noise.categorical(distance.clamp_min(1e-30).log()[None])
        centres = torch.cat([centres, y[chosen]])
    return centres
