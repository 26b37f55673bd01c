"""Heaps of earth: the cheapest transport plan, its dual, and what regularisation does to both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, sparse
from scipy.special import logsumexp

from genus.core.registry import lab
from genus.lab.findings import Check, Findings, require
from genus.lab.style import BLUE, GREY, ORANGE, VERMILION, label

Array = NDArray[np.float64]


def transport_plan(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, float]:
    r"""The cheapest plan that turns one heap into the other.

    .. math:: \min_{\gamma \ge 0} \sum_{ij} c_{ij}\gamma_{ij}, \qquad
        \sum_j \gamma_{ij} = a_i, \quad \sum_i \gamma_{ij} = b_j

    Args:
        source: masses a, ``(n,)``, >= 0.
        target: masses b of the same sum, ``(m,)``, >= 0.
        cost: of moving one unit from i to j, ``(n, m)``.

    Returns:
        The plan ``(n, m)`` and its cost.

    Raises:
        InputError: when the heaps hold different amounts.

    >>> transport_plan([0.5, 0.5], [0.25, 0.75], [[0, 1], [1, 0]])[1]
    0.25
    """
    a, b, c = _heaps(source, target, cost)
    solved = optimize.linprog(c.ravel(), A_eq=_marginals(*c.shape), b_eq=np.concatenate([a, b]))
    return solved.x.reshape(c.shape), float(solved.fun)


def transport_dual(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, Array, float]:
    r"""The prices of the dual problem; at the optimum they earn what the plan costs.

    .. math:: \max_{u, v} \sum_i a_i u_i + \sum_j b_j v_j, \qquad u_i + v_j \le c_{ij}

    Args:
        source: masses a, ``(n,)``, >= 0.
        target: masses b of the same sum, ``(m,)``, >= 0.
        cost: of moving one unit from i to j, ``(n, m)``.

    Returns:
        Prices u ``(n,)`` and v ``(m,)``, and what they earn.

    Raises:
        InputError: when the heaps hold different amounts.
    """
    a, b, c = _heaps(source, target, cost)
    solved = optimize.linprog(
        -np.concatenate([a, b]), A_ub=_marginals(*c.shape).T, b_ub=c.ravel(), bounds=(None, None)
    )
    return solved.x[: len(a)], solved.x[len(a) :], -float(solved.fun)


def lipschitz_dual(source: ArrayLike, target: ArrayLike, places: ArrayLike) -> tuple[Array, float]:
    r"""The critic of Kantorovich and Rubinstein: the same dual with one function of slope 1.

    .. math:: \max_f \sum_i (a_i - b_i) f_i, \qquad |f_i - f_j| \le |x_i - x_j|

    On a line it suffices that neighbours keep the slope.

    Args:
        source: masses a, ``(n,)``.
        target: masses b at the same places, ``(n,)``.
        places: x, increasing, ``(n,)``.

    Returns:
        f with f_0 = 0, ``(n,)``, and the distance.
    """
    x = np.asarray(places, dtype=np.float64)
    # with f = cumulative sum of slopes, each slope between two places may be chosen freely
    excess = np.cumsum(np.asarray(source, dtype=np.float64) - np.asarray(target, dtype=np.float64))[:-1]
    slopes = -np.sign(excess)
    f = np.concatenate([[0.0], np.cumsum(slopes * np.diff(x))])
    return f, float(np.abs(excess) @ np.diff(x))


def sinkhorn_plan(
    source: ArrayLike, target: ArrayLike, cost: ArrayLike, *, blur: float, tolerance: float = 1e-12
) -> Array:
    r"""The plan that minimises cost minus ``blur`` times entropy, by Sinkhorn's iterations.

    .. math:: \min_\gamma \sum_{ij} c_{ij}\gamma_{ij} + \epsilon \sum_{ij} \gamma_{ij}\log\gamma_{ij}

    Args:
        source: masses a, ``(n,)``, > 0.
        target: masses b of the same sum, ``(m,)``, > 0.
        cost: ``(n, m)``.
        blur: ε, > 0, in units of cost.
        tolerance: largest error of the marginals, as a share of all mass.

    Returns:
        The plan ``(n, m)``.

    Paper: arXiv:1306.0895.
    """
    a, b, c = _heaps(source, target, cost)
    u, v = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(100_000):
        v = blur * (np.log(b) - logsumexp((u[:, None] - c) / blur, axis=0))
        rows = logsumexp((v - c) / blur, axis=1)
        if np.abs(np.exp(u / blur + rows) - a).sum() < tolerance * a.sum():
            break
        u = blur * (np.log(a) - rows)
    return np.exp((u[:, None] + v - c) / blur)


def _heaps(source: ArrayLike, target: ArrayLike, cost: ArrayLike) -> tuple[Array, Array, Array]:
    a, b, c = (np.asarray(x, dtype=np.float64) for x in (source, target, cost))
    require(c.shape == (len(a), len(b)), f"cost must have shape {(len(a), len(b))}, not {c.shape}")
    require(bool((a >= 0).all() and (b >= 0).all()), "heaps cannot hold less than nothing")
    require(
        bool(np.isclose(a.sum(), b.sum())),
        f"the heaps hold {a.sum():g} and {b.sum():g}; earth is moved, not made: give equal sums",
    )
    return a, b, c


def _marginals(n: int, m: int) -> sparse.csr_matrix:
    """Matrix that maps a plan, row by row, to its row sums and then its column sums."""
    rows = sparse.kron(sparse.eye(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.eye(m))
    return sparse.csr_matrix(sparse.vstack([rows, columns]))


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
    checks = [
        Check(name="dual earns what the plan costs", value=earned, expected=work, tolerance=1e-9),
        Check(
            name="places where the plan moves earth and prices leave slack",
            value=float((plan * (cost - u[:, None] - v)).sum()),
            expected=0.0,
            tolerance=1e-9,
        ),
        Check(
            name="least cost of regularised plans",
            value=min(blurred),
            expected=work,
            tolerance=1e-6,
            relation="≥",
        ),
    ]
    critic, distance = lipschitz_dual(a, b, places)
    if power == 1:
        checks.append(Check(name="critic of slope 1", value=distance, expected=work, tolerance=1e-9))
    if tuple(a - b) == (-2, 0, -1, 3) and power == 1:
        checks.append(Check(name="work in the lecture", value=work, expected=7.0, tolerance=1e-9))
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
