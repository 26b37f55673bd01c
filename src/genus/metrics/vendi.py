"""Vendi score: how many different examples a set amounts to."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from genus.core.capabilities import Samples
from genus.core.errors import DataError
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.intervals import jackknife
from genus.metrics.moments import Array, as_rows
from genus.metrics.score import Score, join_notes, where_defined

GROUPS = 10


def vendi_score(x: ArrayLike) -> float:
    r"""Exponential of the entropy of the eigenvalues of the mean similarity.

    .. math:: \exp\Big(-\sum_i \lambda_i \ln \lambda_i\Big),\qquad
        \lambda = \mathrm{eig}(K/n),\quad K_{ij} = \frac{x_i\cdot x_j}{\|x_i\|\|x_j\|}

    One for copies of one example, n for n orthogonal ones, at most min(n, d). The eigenvalues
    are taken from whichever of K and the ``(d, d)`` second moment is smaller.

    Args:
        x: features ``(n, d)``, none of them zero.

    Raises:
        DataError: for an empty set, or a row without length, whose similarity is undefined.

    Paper: arXiv:2210.02410.

    >>> round(vendi_score([[1.0, 0.0], [0.0, 3.0], [2.0, 0.0], [0.0, 1.0]]), 9)
    2.0
    """
    rows = _directions(x)
    gram = rows.T @ rows if len(rows) > rows.shape[1] else rows @ rows.T
    return _effective_number(gram / len(rows))


def vendi_from_kernel(similarities: ArrayLike) -> float:
    """The same of any similarity.

    Args:
        similarities: positive semi-definite ``(n, n)`` with ones on the diagonal.

    Raises:
        DataError: when the matrix is not of that form.
    """
    kernel = as_rows(similarities)
    n = len(kernel)
    if kernel.shape != (n, n) or not np.allclose(kernel, kernel.T) or not np.allclose(np.diag(kernel), 1):
        raise DataError("the Vendi score needs a symmetric matrix of similarities with ones on its diagonal")
    return _effective_number(kernel / n)


def vendi_interval(x: ArrayLike) -> tuple[float, float]:
    """95 % interval by the delete-a-group jackknife: ten runs of rows, so their order must be random.

    The bootstrap would repeat rows, and repetition is what the score measures.
    """
    rows = _directions(x)
    if len(rows) < 2:
        return -np.inf, np.inf
    groups = np.array_split(rows, min(GROUPS, len(rows)))
    if len(rows) * (GROUPS - 1) // GROUPS > rows.shape[1]:
        parts = [group.T @ group for group in groups]
        whole = sum(parts, np.zeros_like(parts[0]))
        left = [
            _effective_number((whole - part) / (len(rows) - len(group)))
            for part, group in zip(parts, groups, strict=True)
        ]
    else:
        left = [vendi_score(np.concatenate(groups[:i] + groups[i + 1 :])) for i in range(len(groups))]
    value = vendi_score(rows)
    low, high = jackknife(value, [left])
    return min(max(low, 1.0), value), high


def _directions(x: ArrayLike) -> Array:
    rows = as_rows(x)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if lengths.min() <= 0:
        raise DataError(
            f"{int((lengths <= 0).sum())} examples have features that are all 0 and so no direction"
        )
    return rows / lengths


def _effective_number(similarity: Array) -> float:
    values = linalg.eigvalsh(similarity).clip(0)
    values = values[values > 0]
    return float(np.exp(-(values * np.log(values)).sum()))


@metric("vendi", paper="arXiv:2210.02410")
@needs(Samples, features=True)
def vendi_scores(evidence: Evidence) -> list[Score]:
    """Effective number of different samples, by the cosines of their features."""
    generated = evidence.generated.features
    low, high = vendi_interval(generated)
    n = len(generated)
    return [
        Score(
            name="vendi",
            value=vendi_score(generated),
            low=low,
            high=high,
            n=n,
            floor=where_defined(vendi_score, evidence.real.held_out.features),
            baseline=where_defined(vendi_score, evidence.real.mixture.features),
            better="higher",
            note=join_notes(
                f"features: {evidence.protocol.features}, cosine similarity; at most {min(generated.shape)}",
                "variety alone, also of what looks like nothing: compare with the floor",
                f"floor: {len(evidence.real.held_out)} test examples",
            ),
        )
    ]
