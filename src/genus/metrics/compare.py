"""Put evaluations side by side, as far as they compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genus.core.errors import InputError
from genus.metrics.evaluate import Evaluation
from genus.metrics.score import Score


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity over several models; numbers of one kind only.

    Args:
        name: of the quantity.
        kind: of its numbers, empty for most.
        unit: empty for pure numbers.
        scores: by model; None where it was not measured.
        ranking: models from best to worst; empty when the numbers must not be ranked.
        separated: whether the best one's interval lies clear of the second's.
    """

    name: str
    kind: str
    unit: str
    scores: Mapping[str, Score | None]
    ranking: Sequence[str]
    separated: bool


def compare_evaluations(evaluations: Mapping[str, Evaluation]) -> list[Row]:
    """Build the table of several evaluations under one protocol.

    Numbers of different kinds (an exact likelihood and a bound, likelihoods on different grids)
    stand in rows of their own, and unnormalised ones are never ranked.

    Args:
        evaluations: by name of the model.

    Raises:
        InputError: for no evaluation.
        ProtocolError: when two were measured under different protocols.
    """
    if not evaluations:
        raise InputError("there is nothing to compare; name at least one evaluation")
    first, *others = evaluations.values()
    for other in others:
        first.protocol.require_same(other.protocol)
    keys: dict[tuple[str, str], None] = {}
    for evaluation in evaluations.values():
        keys.update({(score.name, score.kind): None for score in evaluation.scores})
    return [_row(name, kind, evaluations) for name, kind in keys]


def _row(name: str, kind: str, evaluations: Mapping[str, Evaluation]) -> Row:
    scores: dict[str, Score | None] = {
        model: next((s for s in evaluation.scores if (s.name, s.kind) == (name, kind)), None)
        for model, evaluation in evaluations.items()
    }
    found = {model: score for model, score in scores.items() if score is not None}
    ranking: list[str] = []
    if not kind.startswith("unnormalised"):
        ranking = sorted(found, key=lambda model: _cost(found[model]))
    separated = len(ranking) > 1 and _clear(found[ranking[0]], found[ranking[1]])
    unit = next(iter(found.values())).unit
    return Row(name=name, kind=kind, unit=unit, scores=scores, ranking=ranking, separated=separated)


def _cost(score: Score) -> float:
    if score.better == "zero":
        return abs(score.value)
    return score.value if score.better == "lower" else -score.value


def _clear(best: Score, second: Score) -> bool:
    if best.better == "zero":
        farthest = max(abs(best.low), abs(best.high))
        return second.low * second.high > 0 and farthest < min(abs(second.low), abs(second.high))
    return best.high < second.low if best.better == "lower" else best.low > second.high


def table_text(rows: Sequence[Row]) -> str:
    """Plain-text table of rows: value and interval by model, the best one starred.

    A star in parentheses says that its interval overlaps the second's. Floor and baseline are
    those of real examples and of the Gaussian mixture.
    """
    models = list(rows[0].scores) if rows else []
    lines = [["", *models, "real", "mixture"]]
    for row in rows:
        label = row.name + (f" [{row.unit}]" if row.unit else "") + (f" ({row.kind})" if row.kind else "")
        known = [score for score in row.scores.values() if score is not None]
        cells = [_cell(model, row) for model in models]
        floor = next((s.floor for s in known if s.floor is not None), None)
        baseline = next((s.baseline for s in known if s.baseline is not None), None)
        lines.append([label, *cells, _number(floor), _number(baseline)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(model: str, row: Row) -> str:
    score = row.scores[model]
    if score is None:
        return "–"
    star = ""
    if len(row.ranking) > 1 and row.ranking[0] == model:
        star = " *" if row.separated else " (*)"
    return f"{_number(score.value)} [{_number(score.low)}, {_number(score.high)}]{star}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
