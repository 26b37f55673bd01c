"""Agreement of generated masks and label maps with the test examples they were drawn for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter

import numpy as np
from numpy.typing import ArrayLike

from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.core.spec import DataSpec
from genus.metrics.evidence import Evidence, needs
from genus.metrics.overlap import Array, dice, hausdorff, jaccard, per_class
from genus.metrics.pair_score import measured, score_of
from genus.metrics.score import Better, Score, join_notes

_Measure = Callable[[ArrayLike, ArrayLike], Array]


def _no_masks(spec: DataSpec) -> str:
    if spec.kind == "labels" or (
        spec.kind in ("image", "volume") and spec.levels == 2 and spec.shape[0] == 1
    ):
        return ""
    return (
        "it compares maps of labels, or masks, images of one channel and two values; these data are "
        f"{spec.describe()}"
    )


@metric("dice")
@needs(Samples, paired=True, fits=_no_masks)
def dice_scores(evidence: Evidence) -> list[Score]:
    """Dice's coefficient of generated masks and those of test examples."""
    return _scores(evidence, "dice", dice, "1 where both masks are empty", bounds=(0.0, 1.0))


@metric("jaccard")
@needs(Samples, paired=True, fits=_no_masks)
def jaccard_scores(evidence: Evidence) -> list[Score]:
    """Jaccard's index, intersection over union, of generated masks and those of test examples."""
    return _scores(evidence, "jaccard", jaccard, "1 where both masks are empty", bounds=(0.0, 1.0))


@metric("hausdorff")
@needs(Samples, paired=True, fits=_no_masks)
def hausdorff_scores(evidence: Evidence) -> list[Score]:
    """Hausdorff distance between the surfaces of generated masks and those of test examples."""
    note = "0 where both masks are empty, infinite where one is"
    return _scores(evidence, "hausdorff", hausdorff, note, better="lower", unit="pixels")


def _scores(
    evidence: Evidence,
    name: str,
    measure: _Measure,
    empty: str,
    *,
    better: Better = "higher",
    bounds: tuple[float, float] = (0.0, np.inf),
    unit: str = "",
) -> list[Score]:
    """A measure of masks; of label maps its mean over the classes of a pair, then one score for each class.

    Args:
        evidence: the samples and the real examples.
        name: of the score.
        measure: of pairs of masks ``(n, *size)``.
        empty: note on masks of which one or both are empty.
        better: which direction is better.
        bounds: smallest and largest value that the measure can have.
        unit: of the measure.
    """
    score = partial(score_of, better=better, bounds=bounds, unit=unit)
    if evidence.spec.kind != "labels":
        return [score(measured(evidence, lambda x, y: measure(_flat(x), _flat(y))), name, note=empty)]
    names = evidence.spec.example.names
    found = measured(evidence, lambda x, y: per_class(measure, _flat(x), _flat(y), len(names)))
    absent = np.isnan(found.values)
    told = f"{absent.sum()} of {absent.size} times a class occurs on neither side and is left out"
    macro = f"mean over the {len(names)} classes of a pair, all of one weight"
    scores = [score(found.map(lambda each: np.nanmean(each, axis=1)), name, note=join_notes(macro, told))]
    for number in np.flatnonzero(~absent.all(axis=0)):
        column = found.map(itemgetter((slice(None), number)))
        note = "of the pairs in which this class occurs on either side"
        scores.append(score(column, f"{name}: {names[number]}", note=note))
    return scores


def _flat(x: ArrayLike) -> Array:
    """Masks or maps ``(n, *size)`` of examples of one channel ``(n, 1, *size)``."""
    return np.asarray(x)[:, 0]
