"""Metrics against the libraries that pip installs: the same values, time and memory.

``make bench`` runs it; each case first asserts that both sides agree. What rivals import and
none of what is timed uses (torchvision, CLIP) is replaced by empty modules.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import os
import resource
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import HEAD, Comparison, alternate, timed
from genus import metrics

TOLERANCE = 1e-6
ABSENT = ("torchvision", "clip", "requests")


class _Anything(type):
    """A class in which every name is again such a class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _Empty(types.ModuleType):
    """A module in which every name is such a class."""

    __path__: list[str] = []  # noqa: RUF012 - what makes it a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _EmptyModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last, so that it stands in only for what is not installed."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name.split(".")[0] in ABSENT else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def features(n: int, d: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Correlated float32 features ``(n, d)``, all dimensions used, as networks give them."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((d, d)).astype(np.float32) / np.sqrt(d)
    x = rng.standard_normal((n, d), dtype=np.float32) @ mixing
    return x * np.float32(spread) + 0.1 * rng.standard_normal((n, d), dtype=np.float32)


def same(ours: float, theirs: float, tolerance: float = TOLERANCE) -> None:
    """Stop when two values differ by more than the tolerance, relative to the larger or to 1."""
    if not abs(ours - theirs) <= tolerance * max(1.0, abs(ours), abs(theirs)):
        raise SystemExit(f"values differ: {ours!r} against {theirs!r}")


def frechet_moments() -> tuple[metrics.Moments, metrics.Moments]:
    """Of two sets of 10,000 examples with 2,048 features."""
    first, second = (metrics.Moments.of(features(10_000, 2048, s, 1 + 0.1 * s)) for s in (0, 1))
    return first, second


def frechet(rival_name: str, turns: int) -> Comparison:
    """From means and covariances to the distance, one thread each.

    With more, on cores that others use too, the threads of either side mostly wait for each other.
    """
    a, b = frechet_moments()
    statistics = (a.mean, a.covariance, b.mean, b.covariance)
    if rival_name == "clean-fid":
        from cleanfid.fid import frechet_distance as theirs
    else:
        from torch_fidelity.metric_fid import fid_statistics_to_metric

        def theirs(m: Any, s: Any, n: Any, t: Any) -> float:
            first, second = {"mu": m, "sigma": s}, {"mu": n, "sigma": t}
            return fid_statistics_to_metric(first, second, False)["frechet_inception_distance"]

    with threadpool_limits(1, user_api="blas"):
        same(metrics.frechet_from_moments(a, b), float(theirs(*statistics)))
        return alternate(
            f"Fréchet, d = 2,048, one thread, vs {rival_name}",
            timed(lambda: metrics.frechet_from_moments(a, b)),
            timed(lambda: theirs(*statistics)),
            turns,
        )


def neighbours(n: int, turns: int, *, processor: bool) -> Comparison:
    """Precision, recall, density, coverage of n against n with 2,048 features, k = 5.

    Seconds as a user waits, both sides with the threads they start by themselves, which only a
    quiet machine can tell; or processor seconds of all threads, with one thread per matrix
    product: the rival starts eight jobs, and so is given more of a machine that others use too.
    """
    from prdc import compute_prdc

    def theirs(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            return compute_prdc(x, y, 5)

    small = [features(1500, 2048, s).astype(np.float64) for s in (0, 1)]  # their float32 rounds near ties
    ours = metrics.neighbourhoods(*small)
    for name, value in theirs(*small).items():
        same(getattr(ours, name), float(value))
    x, y = features(n, 2048, 0), features(n, 2048, 1)
    clock, kind = (time.process_time, "processor seconds") if processor else (time.perf_counter, "seconds")
    with threadpool_limits(1 if processor else None):
        return alternate(
            f"precision, recall, density, coverage, {n:,} × {n:,} × 2,048, {kind}, vs prdc",
            timed(lambda: metrics.neighbourhoods(x, y), clock),
            timed(lambda: theirs(x, y), clock),
            turns,
        )


def kernel() -> Comparison:
    """Kernel distance (KID) of 1,000 against 1,000 with 2,048 features."""
    from torch_fidelity.metric_kid import mmd2

    x, y = (features(1000, 2048, s).astype(np.float64) for s in (0, 1))

    def theirs() -> float:
        xx, xy, yy = ((a @ b.T / 2048 + 1) ** 3 for a, b in ((x, x), (x, y), (y, y)))
        return float(mmd2(xx, xy, yy))

    same(metrics.kernel_distance(x, y), theirs())
    return alternate(
        "kernel distance, 1,000 × 2,048, vs torch-fidelity",
        timed(lambda: metrics.kernel_distance(x, y)), timed(theirs), 5,
    )  # fmt: skip


def gaussian_kernel() -> Comparison:
    """Gaussian-kernel discrepancy of 3,000 against 3,000 with 128 features."""
    from sklearn.metrics.pairwise import rbf_kernel
    from torch_fidelity.metric_kid import mmd2

    x, y = (features(3000, 128, s).astype(np.float64) for s in (0, 1))

    def theirs() -> float:
        gamma = 1 / (2 * 9.0**2)
        return float(mmd2(rbf_kernel(x, gamma=gamma), rbf_kernel(x, y, gamma), rbf_kernel(y, gamma=gamma)))

    same(metrics.rbf_distance(x, y, bandwidth=9.0), theirs())
    return alternate(
        "Gaussian kernel, 3,000 × 128, vs scikit-learn and torch-fidelity",
        timed(lambda: metrics.rbf_distance(x, y, bandwidth=9.0)), timed(theirs), 5,
    )  # fmt: skip


def inception() -> Comparison:
    """Inception score of 50,000 samples and 1,000 classes."""
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = torch.randn(50_000, 1000, generator=torch.Generator().manual_seed(0)).double() * 2
    probabilities = logits.softmax(1).numpy()

    def theirs() -> float:
        return isc_features_to_metric(logits, 10, False)["inception_score_mean"]

    same(metrics.inception_score(probabilities), theirs())
    return alternate(
        "Inception score, 50,000 × 1,000, vs torch-fidelity",
        timed(lambda: metrics.inception_score(logits.softmax(1).numpy())), timed(theirs), 3,
    )  # fmt: skip


def transport(order: int) -> Comparison:
    """Exact Wasserstein distance of 500 against 500 with 128 features."""
    import ot

    x, y = (features(500, 128, s).astype(np.float64) for s in (0, 1))
    kind = "euclidean" if order == 1 else "sqeuclidean"

    def theirs() -> float:
        return float(ot.emd2([], [], ot.dist(x, y, metric=kind))) ** (1 / order)

    same(metrics.wasserstein_distance(x, y, order=order), theirs())
    return alternate(
        f"exact W{order}, 500 × 128, vs POT",
        timed(lambda: metrics.wasserstein_distance(x, y, order=order)), timed(theirs), 9,
    )  # fmt: skip


def sliced() -> Comparison:
    """Sliced Wasserstein distance of 4,000 against 3,000 with 128 features along 128 lines."""
    import ot

    from genus.metrics.lines import random_directions

    x, y = features(4000, 128, 0).astype(np.float64), features(3000, 128, 1).astype(np.float64)
    directions = random_directions(128, 128, 0).T

    def theirs() -> float:
        return float(ot.sliced_wasserstein_distance(x, y, projections=directions))

    same(metrics.sliced_wasserstein(x, y), theirs())
    return alternate(
        "sliced W2, 4,000 and 3,000 × 128, vs POT",
        timed(lambda: metrics.sliced_wasserstein(x, y)), timed(theirs), 9,
    )  # fmt: skip


def sinkhorn() -> Comparison:
    """Entropic plan of 500 against 500 with 128 features."""
    import ot

    x, y = (features(500, 128, s).astype(np.float64) for s in (0, 1))
    costs = ot.dist(x, y)
    epsilon = 0.2 * float(np.median(costs))
    uniform = np.full(500, 1 / 500)

    def theirs() -> Any:
        return ot.sinkhorn(uniform, uniform, costs, epsilon, method="sinkhorn_log", stopThr=1e-9)

    plan = metrics.entropic_transport(costs, epsilon=epsilon)[1]
    same(float(np.abs(plan - theirs()).sum()), 0.0)
    return alternate(
        "Sinkhorn plan, 500 × 500, vs POT (log domain)",
        timed(lambda: metrics.entropic_transport(costs, epsilon=epsilon)), timed(theirs), 5,
    )  # fmt: skip


def nearest() -> Comparison:
    """Nearest training examples of 4,500 samples among 10,000 with 128 features."""
    from sklearn.neighbors import NearestNeighbors

    x, y = features(4500, 128, 0), features(10_000, 128, 1)

    def theirs() -> Any:
        return NearestNeighbors(n_neighbors=1, algorithm="brute").fit(y).kneighbors(x)[0]

    exact = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(y.astype(np.float64))
    ours = metrics.nearest_neighbours(x, y)[1]
    same(float(np.abs(ours - exact.kneighbors(x.astype(np.float64))[0]).max()), 0.0)
    return alternate(
        "nearest of 10,000 × 128 to 4,500, vs scikit-learn",
        timed(lambda: metrics.nearest_neighbours(x, y)), timed(theirs), 9,
    )  # fmt: skip


CASES: dict[str, Callable[[], Comparison]] = {
    "frechet-clean-fid": lambda: frechet("clean-fid", 3),
    "frechet-torch-fidelity": lambda: frechet("torch-fidelity", 3),
    "neighbours": lambda: neighbours(10_000, 3, processor=False),
    "neighbours-processor": lambda: neighbours(10_000, 3, processor=True),
    "kernel": kernel,
    "gaussian-kernel": gaussian_kernel,
    "inception": inception,
    "wasserstein-1": lambda: transport(1),
    "wasserstein-2": lambda: transport(2),
    "sliced": sliced,
    "sinkhorn": sinkhorn,
    "nearest": nearest,
}


def peak(side: str) -> int:
    """Bytes that one side's neighbours of 10,000 × 10,000 × 2,048 take above the features."""
    x, y = features(10_000, 2048, 0), features(10_000, 2048, 1)
    small = x[:600], y[:600]
    if side == "genus":
        work: Callable[..., Any] = metrics.neighbourhoods
    else:
        from prdc import compute_prdc

        def work(a: np.ndarray, b: np.ndarray) -> Any:
            return compute_prdc(a, b, 5)

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        work(*small)  # libraries and threads
        before = _high_water()
        ballast = np.ones(max(0, before - _resident()) // 8)  # what was freed must not hide new use
        work(x, y)
        del ballast
    return _high_water() - before


def _high_water() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def memory_line() -> str:
    """One row of the table: peak memory in processes of their own."""
    found = []
    for side in ("genus", "prdc"):
        command = [sys.executable, "-m", "benchmarks.metrics", "--peak", side]
        found.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ours, rival = (size / 2**20 for size in found)
    what = "peak memory of the neighbours above, MiB"
    return f"| {what} | {ours:.0f} | {rival:.0f} | **{rival / ours:.2f}** | – |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named cases, or all, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES, "memory"], default=[])
    parser.add_argument("--peak", choices=["genus", "prdc"])
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    sys.meta_path.append(_EmptyModules())
    if chosen.peak:
        print(peak(chosen.peak))
        return
    print(HEAD)
    for name in chosen.cases or [*CASES, "memory"]:
        print(memory_line() if name == "memory" else CASES[name]().line(), flush=True)


if __name__ == "__main__":
    main()
