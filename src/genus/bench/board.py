"""Leaderboards: scores over seeds with two kinds of uncertainty kept apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from genus.bench.execute import Result
from genus.metrics.intervals import mean_interval
from genus.metrics.score import Better, Score

COLUMNS = (
    "frechet", "accuracy", "classes-drawn", "modes", "high-quality",
    "precision", "recall", "density", "coverage", "nll",
)  # fmt: skip
"""Scores of a table whose suite names none; those that exist are shown."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A score of an entry over its seeds.

    Args:
        value: mean over the seeds.
        low: lower end of the 95 % interval of the mean over trainings (Student's, over seeds).
        high: upper end; infinite for one seed.
        spread: standard deviation between seeds; NaN for one seed.
        sampling: mean half width of the 95 % interval that each single evaluation gives: what
            finite samples, not other seeds, would change.
        values: one per seed.
        better: direction.
        floor: mean of real against real; None where undefined.
        baseline: mean of the EM mixture; None where undefined.
    """

    value: float
    low: float
    high: float
    spread: float
    sampling: float
    values: Sequence[float]
    better: Better
    floor: float | None
    baseline: float | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One entry of a table.

    Args:
        entry: its name.
        means: by score.
        seconds: mean training seconds of its seeds.
        cpu_seconds: mean processor seconds of them, all threads.
        samples: mean examples seen in training.
        memory: largest resident memory of its processes, MiB.
        failed: seed and reason of trainings that came to no score.
        converged: share of the training after which the live score stayed within a quarter of its
            best, mean over the seeds; NaN without ``train.score_every``.
        rank: 1 for the best mean of the ranking score; 0 without one.
        tied: whether the 95 % interval of the difference to the best (Welch's, over seeds) holds 0;
            None for the best itself, or with fewer than two seeds.
    """

    entry: str
    means: dict[str, Mean]
    seconds: float
    cpu_seconds: float
    samples: float
    memory: float
    failed: dict[int, str]
    converged: float = math.nan
    rank: int = 0
    tied: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Board:
    """The table of one data set.

    Args:
        data: its name.
        protocol: hash that all numbers share; empty without one.
        columns: scores shown, the first ranks.
        lines: best first.
    """

    data: str
    protocol: str
    columns: Sequence[str]
    lines: Sequence[Line]

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields; what is infinite or NaN becomes None."""
        return _finite(asdict(self))


def make_boards(results: Sequence[Result], columns: Sequence[str] = ()) -> list[Board]:
    """Aggregate results: one table per data set.

    Args:
        results: cells of a suite.
        columns: scores to show, the first one ranks; those of :data:`COLUMNS` by default.

    Raises:
        ProtocolError: when numbers of one data set were measured differently.
    """
    boards: list[Board] = []
    for data in dict.fromkeys(result.data for result in results):
        mine = [result for result in results if result.data == data]
        measured = [result.evaluation for result in mine if result.evaluation is not None]
        for evaluation in measured[1:]:
            measured[0].protocol.require_same(evaluation.protocol)
        present = {_key(score) for evaluation in measured for score in evaluation.scores}
        shown = [key for column in columns or COLUMNS for key in sorted(present) if _matches(key, column)]
        entries = dict.fromkeys(result.entry for result in mine)
        lines = [_line(entry, [r for r in mine if r.entry == entry]) for entry in entries]
        boards.append(
            Board(
                data=data,
                protocol=measured[0].protocol.hash if measured else "",
                columns=shown,
                lines=_ranked(lines, shown[0]) if shown else lines,
            )
        )
    return boards


def welch_interval(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the difference of two means with unequal variances (Welch).

    Args:
        a: independent values, two or more.
        b: independent values, two or more.

    >>> low, high = welch_interval([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    >>> low == -high
    True
    """
    if min(len(a), len(b)) < 2:
        return -math.inf, math.inf
    variances = [float(np.var(v, ddof=1)) / len(v) for v in (a, b)]
    gap, total = float(np.mean(a) - np.mean(b)), sum(variances)
    if total == 0:
        return gap, gap
    freedom = total**2 / sum(v**2 / (len(x) - 1) for v, x in zip(variances, (a, b), strict=True))
    half = float(stats.t.ppf(0.975, freedom)) * math.sqrt(total)
    return gap - half, gap + half


def convergence(live: Sequence[tuple[float, float]], *, within: float = 0.25) -> float:
    """Share of the training after which a live score stays near its best.

    Args:
        live: (share of the training, score), in order; lower scores are better.
        within: how near, as a share of the way from the first score to the best.

    Returns:
        A share in [0, 1]; NaN for fewer than two scores.

    >>> convergence([(0.25, 9.0), (0.5, 1.5), (0.75, 1.0), (1.0, 2.0)])
    0.5
    """
    if len(live) < 2:
        return math.nan
    best = min(score for _, score in live)
    limit = best + within * (live[0][1] - best)
    late = [i for i, (_, score) in enumerate(live) if score > limit]
    first = late[-1] + 1 if late else 0
    return live[first][0] if first < len(live) else 1.0


def _line(entry: str, results: Sequence[Result]) -> Line:
    scores: dict[str, list[Score]] = {}
    for result in results:
        for score in result.evaluation.scores if result.evaluation else ():
            scores.setdefault(_key(score), []).append(score)
    return Line(
        entry=entry,
        means={key: _mean(found) for key, found in scores.items()},
        seconds=_average(result.seconds for result in results),
        cpu_seconds=_average(result.cpu_seconds for result in results),
        samples=_average(result.samples for result in results),
        memory=max(result.memory for result in results),
        failed={result.seed: result.error for result in results if result.error},
        converged=_average(convergence(result.live) for result in results),
    )


def _mean(scores: Sequence[Score]) -> Mean:
    values = [score.value for score in scores]
    low, high = mean_interval(values)
    return Mean(
        value=float(np.mean(values)),
        low=low,
        high=high,
        spread=float(np.std(values, ddof=1)) if len(values) > 1 and np.isfinite(values).all() else math.nan,
        sampling=_average((score.high - score.low) / 2 for score in scores),
        values=values,
        better=scores[0].better,
        floor=_known(score.floor for score in scores),
        baseline=_known(score.baseline for score in scores),
    )


def _ranked(lines: Sequence[Line], column: str) -> list[Line]:
    scored = [line for line in lines if column in line.means]
    sign = 1 if scored[0].means[column].better == "lower" else -1
    scored.sort(key=lambda line: sign * line.means[column].value)
    best = scored[0].means[column].values
    ranked: list[Line] = []
    for number, line in enumerate(scored):
        low, high = welch_interval(line.means[column].values, best)
        tied = None if number == 0 or math.isinf(low) else low <= 0 <= high
        ranked.append(Line(**{**vars(line), "rank": number + 1, "tied": tied}))
    return ranked + [line for line in lines if column not in line.means]


def _key(score: Score) -> str:
    """Numbers of different kinds (exact, bound) are different columns."""
    return f"{score.name} ({score.kind})" if score.kind else score.name


def _matches(key: str, column: str) -> bool:
    return key == column or key.startswith(f"{column} (")


def _average(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _known(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}  # pyright: ignore
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]  # pyright: ignore
    return None if isinstance(value, float) and not math.isfinite(value) else value
