"""Agreement of generated masks and the test examples whose conditions they were drawn for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.core.spec import DataSpec
from genus.metrics.evidence import Evidence, needs
from genus.metrics.overlap import Array, dice, hausdorff, jaccard
from genus.metrics.pair_score import pair_score
from genus.metrics.score import Score


def _no_masks(spec: DataSpec) -> str:
    if spec.kind in ("image", "volume") and spec.levels == 2 and spec.shape[0] == 1:
        return ""
    return f"it compares masks, images of one channel and two values; these data are {spec.describe()}"


def _of_masks(measure: Callable[[ArrayLike, ArrayLike], Array]) -> Callable[[ArrayLike, ArrayLike], Array]:
    """A measure of masks ``(n, *size)`` for images of one channel ``(n, 1, *size)``."""
    return lambda x, y: measure(np.asarray(x)[:, 0], np.asarray(y)[:, 0])


@metric("dice")
@needs(Samples, paired=True, fits=_no_masks)
def dice_scores(evidence: Evidence) -> list[Score]:
    """Dice's coefficient of generated masks and those of test examples."""
    note = "1 where both masks are empty"
    return [pair_score(evidence, "dice", _of_masks(dice), better="higher", bounds=(0.0, 1.0), note=note)]


@metric("jaccard")
@needs(Samples, paired=True, fits=_no_masks)
def jaccard_scores(evidence: Evidence) -> list[Score]:
    """Jaccard's index, intersection over union, of generated masks and those of test examples."""
    note = "1 where both masks are empty"
    return [
        pair_score(evidence, "jaccard", _of_masks(jaccard), better="higher", bounds=(0.0, 1.0), note=note)
    ]


@metric("hausdorff")
@needs(Samples, paired=True, fits=_no_masks)
def hausdorff_scores(evidence: Evidence) -> list[Score]:
    """Hausdorff distance between the surfaces of generated masks and those of test examples."""
    note = "0 where both masks are empty, infinite where one is"
    return [pair_score(evidence, "hausdorff", _of_masks(hausdorff), better="lower", unit="pixels", note=note)]
