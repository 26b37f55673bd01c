"""Heaps of earth: the cheapest transport plan, its dual, and what regularisation does to both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genus.core.registry import lab
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLUE, GREY, ORANGE, VERMILION, label
from genus.lab.transport_plans import lipschitz_dual, sinkhorn_plan, transport_dual, transport_plan

Array = NDArray[np.float64]


@lab("earth-mover", paper="Villani, Optimal Transport (2008)")
def earth_mover(
    *,
    source: Sequence[float] = (1, 2, 1, 4),
    target: Sequence[float] = (3, 2, 2, 1),
    power: float = 1.0,
    blurs: Sequence[float] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
) -> Findings:
    """Heaps of earth on a line: the cheapest way to turn one into the other, and its dual.

    The default heaps differ by (−2, 0, −1, +3), the example of the lectures: one shovelful over
    one place and two over three make 7.

    Args:
        source: shovelfuls at places 1, 2, ….
        target: shovelfuls at the same places, of the same sum.
        power: a shovelful moved over distance d costs d to this power, > 0.
        blurs: weights of the entropy in regularised plans, > 0 each.
    """
    require(len(source) == len(target), f"{len(source)} and {len(target)} places; give as many in both")
    require(power > 0, f"power={power:g}: must be above 0")
    require(min(blurs) > 0, "blurs must be above 0")
    a, b = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    places = np.arange(1.0, len(a) + 1)
    cost = np.abs(places[:, None] - places) ** power
    plan, work = transport_plan(a, b, cost)
    u, v, earned = transport_dual(a, b, cost)
    full_a, full_b = a > 0, b > 0
    kept = cost[np.ix_(full_a, full_b)]
    blurred = [
        float((sinkhorn_plan(a[full_a], b[full_b], kept, blur=eps, tolerance=1e-9) * kept).sum())
        for eps in blurs
    ]
    critic, distance = lipschitz_dual(a, b, places)
    checks = _plan_checks(plan, work, earned, cost - u[:, None] - v, min(blurred))
    if power == 1:
        checks += _line_checks(a - b, work, distance)
    return Findings(
        numbers={
            "work": work,
            "per shovelful": work / a.sum(),
            "moves": _moves(plan),
            "plan": plan,
            "prices of the source": u,
            "prices of the target": v,
            "critic": critic,
            "blur": list(blurs),
            "cost of the blurred plan": blurred,
        },
        checks=checks,
        draw=_draw(a, b, plan, work, critic if power == 1 else None, blurs, blurred),
        size=(13.5, 4.6),
    )


def _plan_checks(plan: Array, work: float, earned: float, slack: Array, blurred: float) -> list[Check]:
    return [
        Check(name="dual earns what the plan costs", value=earned, expected=work, tolerance=1e-9),
        Check(
            name="places where the plan moves earth and prices leave slack",
            value=float((plan * slack).sum()),
            expected=0.0,
            tolerance=1e-9,
        ),
        Check(
            name="least cost of regularised plans",
            value=blurred,
            expected=work,
            tolerance=1e-6,
            relation="≥",
        ),
    ]


def _line_checks(surplus: Array, work: float, distance: float) -> list[Check]:
    """Checks for costs that are distances on a line."""
    checks = [Check(name="critic of slope 1", value=distance, expected=work, tolerance=1e-9)]
    if tuple(surplus) == (-2, 0, -1, 3):
        checks.append(Check(name="work in the lecture", value=work, expected=7.0, tolerance=1e-9))
    return checks


def _moves(plan: Array) -> list[str]:
    pairs = [(i, j) for i, j in np.argwhere(plan > 1e-9) if i != j]
    return [f"{plan[i, j]:g}: {i + 1}→{j + 1}" for i, j in pairs]


def _draw(
    a: Array,
    b: Array,
    plan: Array,
    work: float,
    critic: Array | None,
    blurs: Sequence[float],
    blurred: Sequence[float],
) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        heaps, matrix, last = figure.subplots(1, 3, width_ratios=[1.3, 1.0, 1.1])
        _draw_heaps(heaps, a, b, plan)
        label(heaps, "Heaps, and where the earth goes", "place", "shovelfuls")
        matrix.imshow(plan, cmap="cividis")
        for (i, j), mass in np.ndenumerate(plan):
            if mass > 1e-9:
                shade = "black" if mass > plan.max() / 2 else "white"
                matrix.text(j, i, f"{mass:g}", ha="center", va="center", color=shade, fontsize=14)
        names = [str(i + 1) for i in range(len(a))]
        matrix.set_xticks(range(len(b)), names)
        matrix.set_yticks(range(len(a)), names)
        label(matrix, f"Cheapest plan: work {work:g}", "to place", "from place")
        if critic is not None:
            places = np.arange(1, len(a) + 1)
            last.plot(places, critic, "o-", color=BLUE, label="critic f, slope at most 1")
            last.bar(places, a - b, 0.5, color=ORANGE, alpha=0.7, label="surplus P − Q")
            last.axhline(0, color=GREY, lw=1)
            last.set_xticks(places)
            last.legend(loc="best")
            label(last, f"Dual: Σ f · (P − Q) = {critic @ (a - b):g}", "place", "f, shovelfuls")
        else:
            last.semilogx(blurs, blurred, "o-", color=BLUE, label="blurred plan")
            last.axhline(work, color=VERMILION, ls="--", label="cheapest plan")
            last.legend()
            label(last, "Regularised transport", "blur ε", "cost")

    return draw


def _draw_heaps(axes: Axes, a: Array, b: Array, plan: Array) -> None:
    places = np.arange(1, len(a) + 1)
    axes.bar(places - 0.2, a, 0.36, color=BLUE, edgecolor="white", label="P, before")
    axes.bar(places + 0.2, b, 0.36, color=ORANGE, edgecolor="white", label="Q, after")
    height = max(a.max(), b.max())
    top = height + 0.5
    for i, j in np.argwhere(plan > 1e-9):
        if i == j:
            continue
        axes.annotate(
            "", (j + 1, top), (i + 1, top), arrowprops={"arrowstyle": "-|>", "color": VERMILION, "lw": 2}
        )
        axes.text((i + j) / 2 + 1, top + 0.06, f"{plan[i, j]:g}", ha="center", va="bottom", color=VERMILION)
        top += 0.6
    axes.set_xticks(places)
    axes.set_ylim(0, top + 1.2)
    axes.legend(loc="upper left", ncols=2)
