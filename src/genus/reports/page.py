"""The report of a run: one HTML file that needs nothing from outside."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from genus.core.recipe import Recipe
from genus.core.spec import DataSpec
from genus.metrics.evaluate import Evaluation
from genus.reports.diagnosis import doctor_section
from genus.reports.document import document
from genus.training.doctor.checkup import Checkup

_TEMPLATE = Path(__file__).with_name("page.html")
_LAST_SHEETS = 4


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Contents of a report.

    Args:
        name: of the recipe.
        path: of the run.
        recipe: resolved.
        spec: of the data.
        fingerprint: of the data.
        log: lines of ``metrics.jsonl``.
        sheets: sample sheets as (iteration, PNG bytes), in order.
        scores: the evaluation, when there is one.
        checkup: what the doctor saw.
    """

    name: str
    path: str
    recipe: Recipe
    spec: DataSpec
    fingerprint: str
    log: Sequence[Mapping[str, Any]]
    sheets: Sequence[tuple[int, bytes]]
    scores: Evaluation | None
    checkup: Checkup


def write_report(path: Path, facts: Facts) -> Path:
    """Write the report and return its path."""
    config = facts.recipe.config
    last = facts.log[-1] if facts.log else {"iteration": 0, "seconds": 0.0, "samples": 0}
    body = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=html.escape(facts.name),
        summary=html.escape(config["summary"]),
        about=_about(config),
        data=html.escape(
            f"{config['data']['name']}: {facts.spec.describe()}; fingerprint {facts.fingerprint}"
        ),
        cost=html.escape(
            f"{last['iteration']:,} iterations, {last['samples']:,} examples, "
            f"{last['seconds']:.0f} seconds of training"
        ),
        samples=_samples(facts.sheets),
        scores=_scores(facts.scores) + _score_curves(facts.scores),
        doctor=doctor_section(facts.checkup),
        curves=_curves(facts.log),
        commands=html.escape(
            f"genus train {facts.path}/recipe.yaml --out again\ngenus evaluate again\ngenus report again"
        ),
        recipe=html.escape(facts.recipe.to_yaml()),
    )
    path.write_text(document(f"genus: {facts.name}", body), encoding="utf-8")
    return path


def _about(config: Mapping[str, Any]) -> str:
    rows = [(key, config[key]) for key in ("paper", "equation", "deviations") if config[key]]
    return "".join(f"<dt>{key}</dt><dd>{html.escape(text)}</dd>" for key, text in rows)


def _samples(sheets: Sequence[tuple[int, bytes]]) -> str:
    if not sheets:
        return "<p>This run has no samples.</p>"
    *earlier, (iteration, newest) = sheets
    step = max(1, math.ceil(len(earlier) / _LAST_SHEETS))
    small = "".join(
        f"<figure>{_image(png, f'samples at iteration {i}')}<figcaption>iteration {i:,}</figcaption></figure>"
        for i, png in earlier[::step]
    )
    large = _image(newest, f"samples at iteration {iteration}")
    return (
        f"<figure>{large}<figcaption>iteration {iteration:,}</figcaption></figure>"
        f"<div class='earlier'>{small}</div>"
    )


def _image(png: bytes, alternative: str) -> str:
    data = base64.b64encode(png).decode()
    return f"<img alt='{html.escape(alternative)}' src='data:image/png;base64,{data}'>"


def _scores(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "<p>Not evaluated yet: run <code>genus evaluate</code>, then <code>genus report</code>.</p>"
    rows = "".join(
        "<tr>"
        f"<td>{html.escape(score.name)}{f' ({html.escape(score.kind)})' if score.kind else ''}</td>"
        f"<td class='number'><b>{_number(score.value)}</b> {html.escape(score.unit)}</td>"
        f"<td class='number'>{_number(score.low)} … {_number(score.high)}</td>"
        f"<td class='number'>{score.n:,}</td><td>{score.better}</td>"
        f"<td class='number'>{_number(score.floor)}</td><td class='number'>{_number(score.baseline)}</td>"
        f"<td class='note'>{html.escape(score.note)}</td></tr>"
        for score in evaluation.scores
    )
    refused = "".join(
        f"<li>{html.escape(name)}: {html.escape(reason)}</li>" for name, reason in evaluation.refused.items()
    )
    protocol = evaluation.protocol
    known = {key: value for key, value in protocol.to_json().items() if value not in (None, "")}
    details = ", ".join(f"{key} {value}" for key, value in known.items())
    floor, baseline = protocol.yardsticks
    return (
        "<table><thead><tr><th>score</th><th>value</th><th>95 % interval</th><th>n</th><th>better</th>"
        f"<th>{floor}</th><th>{baseline}</th><th>how to read it</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        + (f"<p>Not measured:</p><ul>{refused}</ul>" if refused else "")
        + f"<p class='note'>Protocol <code>{protocol.hash}</code>: {html.escape(details)}.</p>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.4g}"


def _curves(log: Sequence[Mapping[str, Any]]) -> str:
    """Losses and live scores over iterations, as one SVG per group."""
    parts = [_plot(log, "losses"), _plot(log, "scores")]
    return "".join(part for part in parts if part) or "<p>Nothing was logged.</p>"


def _plot(log: Sequence[Mapping[str, Any]], group: str) -> str:
    series: dict[str, tuple[list[int], list[float]]] = {}
    for line in log:
        for name, value in line.get(group, {}).items():
            xs, ys = series.setdefault(name, ([], []))
            xs.append(line["iteration"])
            ys.append(value)
    if not series:
        return ""
    from matplotlib.figure import Figure

    columns = min(3, len(series))
    rows = math.ceil(len(series) / columns)
    figure = Figure(figsize=(4 * columns, 2.4 * rows), layout="constrained")
    for number, (name, (xs, ys)) in enumerate(sorted(series.items())):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.plot(xs, ys, linewidth=0.6, color="0.7" if len(ys) > 50 else "C0")
        if len(ys) > 50:
            axes.plot(xs, _smooth(ys), linewidth=1.4, color="C0")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("iteration", fontsize=7)
    return _svg(figure, group)


def _score_curves(evaluation: Evaluation | None) -> str:
    """Scores that bring a curve, drawn."""
    from matplotlib.figure import Figure

    drawn: list[str] = []
    for score in evaluation.scores if evaluation else ():
        if not score.curve:
            continue
        (horizontal, xs), *lines = score.curve.items()
        figure = Figure(figsize=(6, 2.8), layout="constrained")
        axes = figure.add_subplot()
        for (name, ys), style in zip(lines, ("-", "--", ":", "-."), strict=False):
            axes.plot(xs, ys, style, label=name)
        axes.set_xlabel(horizontal, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=8, frameon=False)
        drawn.append(_svg(figure, score.name))
    return "".join(drawn)


def _svg(figure: Any, caption: str) -> str:
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "genus", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    caption = html.escape(caption)
    return f"<figure class='curves'>{text[text.index('<svg') :]}<figcaption>{caption}</figcaption></figure>"


def _smooth(values: Sequence[float]) -> list[float]:
    """Running mean over about a thirtieth of the curve."""
    width = max(len(values) // 30, 1)
    sums, total = [], 0.0
    for i, value in enumerate(values):
        total += value
        if i >= width:
            total -= values[i - width]
        sums.append(total / min(i + 1, width))
    return sums
