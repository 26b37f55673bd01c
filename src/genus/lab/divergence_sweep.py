"""Every divergence of the lectures between one Gaussian and others, by quadrature and in closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from genus.lab.f_divergences import (
    chi_square,
    js_divergence,
    kl_divergence,
    squared_hellinger,
    total_variation,
    wasserstein_1,
)
from genus.lab.normal import (
    Normal,
    chi_square_normal,
    hellinger_normal,
    kl_normal,
    total_variation_normal,
    wasserstein_1_normal,
)

MEASURES: Mapping[str, Callable[..., float]] = {
    "KL(p‖q)": kl_divergence,
    "KL(q‖p)": lambda p, q, *, step: kl_divergence(q, p, step=step),
    "JS": js_divergence,
    "chi-square": chi_square,
    "squared Hellinger": squared_hellinger,
    "total variation": total_variation,
    "W1": wasserstein_1,
}
"""What the experiment measures, on arrays of densities."""

CLOSED: Mapping[str, Callable[[Normal, Normal], float]] = {
    "KL(p‖q)": kl_normal,
    "KL(q‖p)": lambda p, q: kl_normal(q, p),
    "chi-square": chi_square_normal,
    "squared Hellinger": hellinger_normal,
    "total variation": total_variation_normal,
    "W1": wasserstein_1_normal,
}
"""The same of two Gaussians in closed form; the Jensen-Shannon divergence has none."""


def sweep(p: Normal, others: Sequence[Normal], points: int = 20001) -> dict[str, list[float]]:
    """Every measure between p and each of the others, by quadrature.

    The trapezoidal rule on a grid that holds p, q and p²/q; its error for Gaussians is far below
    rounding, except for the total variation, whose integrand has kinks.

    Args:
        p: the first distribution.
        others: the second ones.
        points: of the grid.
    """
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for q in others:
        reach = 2 * abs(p.mean - q.mean) + 12 * max(p.std, q.std)
        middle = (p.mean + q.mean) / 2
        x = np.linspace(middle - reach, middle + reach, points)
        a, b = p.density(x), q.density(x)
        for name, measure in MEASURES.items():
            found[name].append(measure(a, b, step=float(x[1] - x[0])))
    return found
