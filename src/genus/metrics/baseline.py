"""The naive approach every table is compared with: a Gaussian mixture fitted by EM."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits
from torch import Tensor

from genus.core.errors import DataError
from genus.core.spec import DataSpec

COMPONENTS = 20
DIMENSIONS = 64
ITERATIONS = 100


class EMMixture:
    """A 20-component full-covariance Gaussian mixture on 64 principal components.

    Vectors of up to 64 elements are fitted without principal components. Bounded data are fitted in units
    of their range, unbounded ones standardised, so that the fit does not depend on units. Samples are
    clipped to the range of the data.

    Args:
        x: training examples ``(n, *spec.shape)`` in data units.
        spec: the data.
        seed: of the initial means and of the samples.

    Raises:
        DataError: for fewer than 4 examples.

    Paper: EM for mixtures is Dempster, Laird & Rubin 1977.
    """

    def __init__(self, x: Tensor, spec: DataSpec, *, seed: int = 0) -> None:
        if len(x) < 4:
            raise DataError(f"fitting a Gaussian mixture needs at least 4 examples; got {len(x)}")
        self.spec = spec
        self._seed = seed
        rows = x.flatten(1).double().numpy()
        self._offset, self._unit = _units(rows, spec)
        rows = (rows - self._offset) / self._unit
        self._pca: PCA | None = None
        if not spec.example.is_flat or spec.size > DIMENSIONS:
            width = min(DIMENSIONS, len(rows) - 1, spec.size)
            self._pca = PCA(width, svd_solver="randomized", random_state=seed)
            rows = self._pca.fit_transform(rows)
        self._mixture = _fit(rows, seed)

    def sample(self, n: int) -> Tensor:
        """Draw ``(n, *spec.shape)`` examples in random order, in data units, float32."""
        self._mixture.random_state = self._seed + 1
        rows = self._mixture.sample(n)[0]
        # scikit-learn returns them sorted by component
        rows = rows[np.random.default_rng(self._seed).permutation(n)]
        if self._pca is not None:
            rows = self._pca.inverse_transform(rows)
        rows = rows * self._unit + self._offset
        if self.spec.range is not None:
            rows = rows.clip(*self.spec.range)
        return torch.from_numpy(rows.astype(np.float32)).reshape(n, *self.spec.shape)

    def log_prob(self, x: Tensor) -> NDArray[np.float64] | None:
        """Log-density in nats ``(n,)``; None when fitted to principal components, which have none."""
        if self._pca is not None:
            return None
        rows = (x.flatten(1).double().numpy() - self._offset) / self._unit
        return self._mixture.score_samples(rows) - np.log(self._unit).sum()


def _units(rows: NDArray[np.float64], spec: DataSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset and unit of each element ``(d,)``; all places of unbounded images share one."""
    if spec.range is not None:
        low, high = spec.range
        return np.full(spec.size, low), np.full(spec.size, high - low)
    offset, spread = rows.mean(0), rows.std(0)
    if not spec.example.is_flat:
        offset, spread = np.full(spec.size, rows.mean()), np.full(spec.size, rows.std())
    return offset, np.where(spread > 2.0**-23 * np.abs(offset), spread, 1.0)  # less is rounding of float32


def _fit(rows: NDArray[np.float64], seed: int) -> GaussianMixture:
    scale = float(rows.var(0).mean())
    mixture = GaussianMixture(
        min(COMPONENTS, len(rows) // 2),
        covariance_type="full",
        reg_covar=1e-6 * scale + 1e-12,
        max_iter=ITERATIONS,
        random_state=seed,
    )
    # small matrices: more BLAS threads only wait for each other, tenfold on busy cores
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a yardstick of fixed effort
        return mixture.fit(rows)
