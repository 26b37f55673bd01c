"""Expectation maximisation on the grey values of a real brain MR."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from genus.core.errors import DataError
from genus.core.registry import lab
from genus.lab.clusters import k_means
from genus.lab.findings import Check, Findings, require
from genus.lab.grey_values import grey_image
from genus.lab.style import BLACK, BLUE, COLOURS, DASHES, GREY, SKY, label

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A mixture of Gaussians on the line and how it was reached.

    Args:
        weights: ``(K,)``, in the order of the means.
        means: ``(K,)``, increasing.
        stds: ``(K,)``.
        likelihoods: mean log-likelihood of a value before each M step and at the end, in nats.
    """

    weights: Array
    means: Array
    stds: Array
    likelihoods: list[float]

    def parts(self, x: ArrayLike) -> Array:
        """w_k N(x; μ_k, σ_k²), ``(K, n)``."""
        return np.exp(_log_joint(np.asarray(x, dtype=np.float64), self.weights, self.means, self.stds))

    def most_likely(self, x: ArrayLike) -> NDArray[np.int64]:
        """Number of the component that each value most likely comes from."""
        return _log_joint(
            np.asarray(x, dtype=np.float64).ravel(), self.weights, self.means, self.stds
        ).argmax(0)


def expectation_maximisation(
    values: ArrayLike,
    start: ArrayLike,
    *,
    iterations: int = 2000,
    tolerance: float = 1e-9,
    floor: float = 1e-6,
) -> Fit:
    r"""Fit a mixture of Gaussians to values on the line.

    E step: :math:`r_{ik} = w_k N(x_i; \mu_k, \sigma_k^2) / p(x_i)`. M step: weights, means and
    variances become the averages under r. The likelihood never falls. Equal values share
    one computation, so whole images cost as much as their histogram.

    Args:
        values: ``(n,)``.
        start: first means, ``(K,)``; first variances and weights are those of the nearest values.
        iterations: at most.
        tolerance: gain in mean log-likelihood at which to stop; 0 for never.
        floor: added to each variance, as a share of that of all values, so that none collapses.

    Raises:
        DataError: when there are fewer different values than components.

    Paper: doi:10.1111/j.2517-6161.1977.tb01600.x.
    """
    x, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    means = np.sort(np.asarray(start, dtype=np.float64))
    if len(x) < len(means):
        raise DataError(f"{len(x)} different values cannot be split into {len(means)} components; give fewer")
    share = counts / counts.sum()
    spare = floor * float(share @ (x - share @ x) ** 2)
    nearest = np.abs(x - means[:, None]).argmin(0)
    weights, means, stds = _maximise(
        x, share, (nearest == np.arange(len(means))[:, None]).astype(float), spare
    )
    path: list[float] = []
    for _ in range(iterations):
        joint = _log_joint(x, weights, means, stds)
        evidence = logsumexp(joint, axis=0)
        path.append(float(share @ evidence))
        if len(path) > 1 and path[-1] - path[-2] < tolerance and tolerance > 0:
            break
        weights, means, stds = _maximise(x, share, np.exp(joint - evidence), spare)
    else:
        path.append(float(share @ logsumexp(_log_joint(x, weights, means, stds), axis=0)))
    order = np.argsort(means)
    return Fit(weights[order], means[order], stds[order], path)


def _maximise(x: Array, share: Array, responsibility: Array, spare: float) -> tuple[Array, Array, Array]:
    counted = responsibility * share
    weights = np.maximum(counted.sum(1), 1e-12)
    means = counted @ x / weights
    variances = (counted * (x - means[:, None]) ** 2).sum(1) / weights + spare
    return weights / weights.sum(), means, np.sqrt(variances)


def _log_joint(x: Array, weights: Array, means: Array, stds: Array) -> Array:
    return np.log(weights)[:, None] + norm.logpdf(x, means[:, None], stds[:, None])


@lab("mixture", paper="doi:10.1111/j.2517-6161.1977.tb01600.x")
def mixture_lab(
    *,
    image: str | None = None,
    components: int = 4,
    background: float | None = 0.0,
    iterations: int = 2000,
    seed: int = 0,
) -> Findings:
    """Gaussians fitted by expectation maximisation to the grey values of a real brain MR.

    Args:
        image: file of a picture or a .npy array; null for the MR slice that comes with matplotlib.
        components: number of Gaussians, >= 1.
        background: grey values up to this one are left out; null to keep all.
        iterations: of expectation maximisation, at most.
        seed: of k-means, from which it starts.
    """
    require(components >= 1, f"components={components}: 1 or more")
    require(iterations >= 1, f"iterations={iterations}: 1 or more")
    picture = grey_image(image)
    values = picture[picture > background] if background is not None else picture.ravel()
    require(
        len(values) > components, f"{len(values)} values are left above background={background}; lower it"
    )
    start = k_means(values[:, None], components, seed=seed).centres[:, 0]
    fitted = expectation_maximisation(values, start, iterations=iterations)
    return Findings(
        numbers={
            "values": len(values),
            "weights": fitted.weights,
            "means": fitted.means,
            "stds": fitted.stds,
            "mean log-likelihood": fitted.likelihoods[-1],
            "of one Gaussian": float(norm.logpdf(values, values.mean(), values.std()).mean()),
            "iterations": len(fitted.likelihoods) - 1,
            "likelihoods": fitted.likelihoods,
        },
        checks=_checks(values, fitted, _scikit_learn(values, start, fitted)),
        draw=_draw(picture, values, fitted, background),
        size=(13.0, 8.0),
    )


def _checks(values: Array, fitted: Fit, known: GaussianMixture) -> list[Check]:
    steps = np.diff(fitted.likelihoods)
    return [
        Check(
            name="least gain of likelihood in an iteration", value=float(steps.min()) if len(steps) else 0.0,
            expected=0.0, tolerance=1e-6, relation="≥",
        ),
        Check(
            name="likelihood, scikit-learn's", value=fitted.likelihoods[-1],
            expected=float(known.score(values[:, None])), tolerance=1e-6,
        ),
        Check(
            name="largest difference to scikit-learn's means",
            value=float(np.abs(np.sort(np.asarray(known.means_)[:, 0]) - fitted.means).max() / values.std()),
            expected=0.0, tolerance=1e-3,
        ),
        Check(
            name="mean of the mixture, mean of the values", value=float(fitted.weights @ fitted.means),
            expected=float(values.mean()), tolerance=1e-9 * float(np.abs(values).max()),
        ),
    ]  # fmt: skip


def _scikit_learn(values: Array, start: Array, fitted: Fit) -> GaussianMixture:
    """scikit-learn's mixture, started where ours starts, on as many iterations."""
    first = expectation_maximisation(values, start, iterations=1, tolerance=0)
    known = GaussianMixture(
        len(start),
        tol=0.0,
        reg_covar=1e-6 * float(values.var()),
        max_iter=max(1, len(fitted.likelihoods) - 2),
        weights_init=first.weights,
        means_init=first.means[:, None],
        precisions_init=1 / first.stds[:, None, None] ** 2,
    )
    with warnings.catch_warnings():  # it warns that it did as many iterations as were requested
        warnings.simplefilter("ignore")
        return known.fit(values[:, None])


def _draw(picture: Array, values: Array, fitted: Fit, background: float | None) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        (shown, conditioned), (histogram, likelihood) = figure.subplots(2, 2, height_ratios=[1.15, 1])
        shown.imshow(picture, cmap="gray")
        shown.set_title("Grey values")
        colours = [COLOURS[k % len(COLOURS)] for k in range(len(fitted.means))]
        painted = np.ones((*picture.shape, 3))
        inside = picture > background if background is not None else np.ones(picture.shape, dtype=bool)
        painted[inside] = np.array([_rgb(c) for c in colours])[fitted.most_likely(picture[inside])]
        conditioned.imshow(painted)
        conditioned.set_title("Most likely component")
        for axes in (shown, conditioned):
            axes.axis("off")
        wide = float(np.ptp(values)) / 80
        if np.all(values % 1 == 0):
            wide = np.ceil(wide)  # as many grey values in each bar
        edges = np.arange(values.min() - wide / 2, values.max() + wide, wide)
        histogram.hist(values, edges, density=True, color=GREY, alpha=0.5, label="values")
        x = np.linspace(values.min(), values.max(), 600)
        parts = fitted.parts(x)
        for k, part in enumerate(parts):
            name = f"{fitted.weights[k]:.0%} N({fitted.means[k]:.3g}, {fitted.stds[k]:.2g}²)"
            histogram.plot(x, part, color=colours[k], ls=DASHES[k % len(DASHES)], label=name)
        histogram.plot(x, parts.sum(0), color=BLACK, lw=1.4, label="mixture")
        histogram.set_ylim(0, 1.5 * parts.sum(0).max())
        histogram.legend(loc="upper right", ncols=2, fontsize=9)
        label(histogram, f"{len(fitted.means)} Gaussians", "grey value", "density")
        likelihood.plot(range(len(fitted.likelihoods)), fitted.likelihoods, color=BLUE)
        likelihood.set_xscale("symlog", linthresh=1)
        likelihood.axhline(
            fitted.likelihoods[-1], color=SKY, ls=":", label=f"{fitted.likelihoods[-1]:.4f} nats"
        )
        likelihood.legend(loc="lower right")
        label(likelihood, "The likelihood never falls", "iteration", "mean log-likelihood")

    return draw


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
