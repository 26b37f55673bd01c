"""Put evaluations side by side, as far as they compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genus.core.errors import InputError
from genus.metrics.evaluate import Evaluation
from genus.metrics.paired import Difference, difference
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
        difference: the best minus the second; None without two to rank.
    """

    name: str
    kind: str
    unit: str
    scores: Mapping[str, Score | None]
    ranking: Sequence[str]
    difference: Difference | None

    @property
    def separated(self) -> bool:
        """Whether the best one is better than the second beyond the error of these two runs."""
        return self.difference is not None and self.difference.clear


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
    gap = _difference(found[ranking[0]], found[ranking[1]]) if len(ranking) > 1 else None
    unit = next(iter(found.values())).unit
    return Row(name=name, kind=kind, unit=unit, scores=scores, ranking=ranking, difference=gap)


def _cost(score: Score) -> float:
    if score.better == "zero":
        return abs(score.value)
    return score.value if score.better == "lower" else -score.value


def _difference(best: Score, second: Score) -> Difference:
    if best.better == "zero":  # nearer to zero is better, on whichever side
        best, second = _mirrored(best), _mirrored(second)
    return difference(best, second)


def _mirrored(score: Score) -> Score:
    if score.value >= 0:
        return replace(score, shared=None)
    return replace(score, value=-score.value, low=-score.high, high=-score.low, shared=None)


def table_text(rows: Sequence[Row]) -> str:
    """Plain-text table of rows: value and interval by model, the best one starred.

    The last column is the best one's difference to the second, paired where both were measured on
    the same examples; a star in parentheses says that it is within its error. Floor and baseline
    are those of real examples and of the Gaussian mixture.
    """
    models = list(rows[0].scores) if rows else []
    lines = [["", *models, "real", "mixture", "best − second"]]
    for row in rows:
        label = row.name + (f" [{row.unit}]" if row.unit else "") + (f" ({row.kind})" if row.kind else "")
        known = [score for score in row.scores.values() if score is not None]
        cells = [_cell(model, row) for model in models]
        floor = next((s.floor for s in known if s.floor is not None), None)
        baseline = next((s.baseline for s in known if s.baseline is not None), None)
        lines.append([label, *cells, _number(floor), _number(baseline), _gap(row.difference)])
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


def _gap(found: Difference | None) -> str:
    if found is None:
        return "–"
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    return f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}], {p}{', paired' if found.paired else ''}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
