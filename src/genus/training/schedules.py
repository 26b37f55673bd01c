"""Learning-rate schedules: factors on the learning rate as functions of a stage's fraction done."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genus.core.ranges import Positive, Share, ShareBelow1
from genus.core.registry import schedule


@schedule("constant")
def constant(fraction: float) -> float:
    """The learning rate stays: f(t) = 1.

    >>> constant(0.7)
    1.0
    """
    del fraction
    return 1.0


@schedule("linear")
def linear(fraction: float, *, final: Share = 0.0, start: ShareBelow1 = 0.0) -> float:
    """Constant until ``start``, then linear to ``final`` at the end.

    Args:
        final: factor at the end, in [0, 1].
        start: fraction of the stage at which the decay begins, in [0, 1).

    >>> linear(0.75, start=0.5)
    0.5
    """
    done = max(0.0, fraction - start) / max(1 - start, 1e-12)
    return 1.0 + (final - 1.0) * min(done, 1.0)


@schedule("steps")
def steps(fraction: float, *, at: Sequence[Share] = (0.8,), factor: Positive = 0.1) -> float:
    """Constant between steps, and ``factor`` times as high after each.

    Args:
        at: fractions of the stage, in [0, 1].
        factor: of one step.

    >>> [round(steps(t, at=(0.5, 0.8)), 6) for t in (0.4, 0.5, 0.9)]
    [1.0, 0.1, 0.01]
    """
    return factor ** sum(fraction >= place for place in at)


@schedule("cosine", paper="arXiv:1608.03983")
def cosine(fraction: float, *, final: Share = 0.0) -> float:
    """Half a cosine from 1 to ``final``: f(t) = final + (1 − final)(1 + cos πt)/2.

    Args:
        final: factor at the end, in [0, 1].

    >>> round(cosine(0.5), 6)
    0.5
    """
    return final + (1.0 - final) * (1.0 + math.cos(math.pi * min(fraction, 1.0))) / 2.0
