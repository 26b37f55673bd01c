"""How often the doctor sees illnesses that are provoked on purpose, and how often it sees what is not there.

Each illness is provoked by one change of a healthy recipe, in small networks and short trainings;
healthy recipes of several families are watched the same way. Results are kept run by run in a
file, so that the same command continues where it was stopped. Thresholds were set on seeds below
100; rates are those of other seeds::

    python -m benchmarks.doctor --first 100 --runs 10
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import genus
from genus.core.errors import NonFiniteError
from genus.metrics.intervals import wilson
from genus.training.doctor.checkup import Checkup
from genus.training.run import Run

QUIET = ("train.sample_every=1000000", "train.save_every=1000000", "train.log_every=5", "train.device=cpu",
         "train.score_every=null", "train.precision='32'", "train.channels_last=false")  # fmt: skip
PERCEPTRONS = ("data=digits8", "train.length=600", "train.ema=null", "train.batch=32", "optimizer.lr=1e-3",
               "model.latent=16", "model.generator.hidden=[64, 64]",
               "model.discriminator.hidden=[64, 64]")  # fmt: skip
PLANE = ("data=ring", "train.length=600", "train.ema=null", "train.batch=64", "model.latent=4",
         "model.generator.hidden=[32, 32]", "model.discriminator.hidden=[32, 32]")  # fmt: skip
IMAGES = ("data=digits8", "train.length=600", "train.ema=null", "train.batch=32",
          "model.generator.width=16", "model.discriminator.width=16")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Runs of one kind.

    Args:
        illness: what is provoked; empty for healthy runs.
        how: the change that provokes it, in words.
        recipe: name.
        overrides: of the recipe.
    """

    illness: str
    how: str
    recipe: str
    overrides: Sequence[str]

    @property
    def key(self) -> str:
        """Name in the file of results."""
        return f"{self.illness or 'healthy'}: {self.how}"


def _rates(**groups: float) -> str:
    inner = ", ".join(f"{name}: {{lr: {rate}}}" for name, rate in groups.items())
    return f"optimizer.groups={{{inner}}}"


CASES = (
    Case("discriminator-wins", "its rate × 1000 of the generator's", "vanilla-gan@plain",
         (*PERCEPTRONS, _rates(discriminator=1e-2, generator=1e-5))),
    Case("discriminator-wins", "no normalisation, 3 steps, rate × 20", "dcgan",
         (*IMAGES, "model.conditioning=null", "model.discriminator.norm=none", "model.discriminator_steps=3",
          "train.length=300", _rates(discriminator=2e-3, generator=1e-4))),
    Case("discriminator-loses", "its rate 1e-6", "vanilla-gan@plain",
         (*PERCEPTRONS, _rates(discriminator=1e-6))),
    Case("discriminator-loses", "its rate 1e-6", "dcgan",
         (*IMAGES, "model.conditioning=null", "optimizer.lr=1e-3", "train.length=400",
          _rates(discriminator=1e-6))),
    Case("vanishing-gradient", "minimax loss, 5 steps, rate × 20", "vanilla-gan@plain",
         (*PERCEPTRONS, "model.objective=minimax", "model.discriminator_steps=5",
          "train.length=400", _rates(discriminator=2e-3, generator=1e-4))),
    Case("exploding-gradient", "Wasserstein loss without a penalty", "vanilla-gan@plain",
         (*PERCEPTRONS, "model.objective=wasserstein")),
    Case("oscillation", "rate 1e-2 and momentum 0.9 on the ring", "vanilla-gan@plain",
         (*PLANE, "optimizer.lr=1e-2", "optimizer.betas=[0.9, 0.9]")),
    Case("oscillation", "clipped critic, rate 5e-3, momentum 0.9", "vanilla-gan@plain",
         (*PLANE, "model.objective=wasserstein", "model.regularisation.weight_clip=0.1", "optimizer.lr=5e-3",
          "optimizer.betas=[0.9, 0.99]")),
    Case("mode-collapse", "rate 1e-2 and momentum 0.9", "vanilla-gan@plain",
         (*PERCEPTRONS, "optimizer.lr=1e-2", "optimizer.betas=[0.9, 0.999]")),
    Case("dead-outputs", "rate of the generator 2e-2", "vanilla-gan@plain",
         (*PERCEPTRONS, _rates(generator=2e-2))),
    Case("dead-outputs", "rate of the generator 0.3", "dcgan",
         (*IMAGES, "model.conditioning=null", "train.length=400", _rates(generator=0.3))),
    Case("memorisation", "18 training examples, 16 components", "gmm",
         ("data={name: digits8, holdout: 0.99}", "model.components=16", "train.length=30", "train.batch=18")),
    Case("memorisation", "54 training examples, 50 components", "gmm",
         ("data={name: digits8, holdout: 0.97}", "model.components=50", "train.length=30", "train.batch=54")),
    Case("broken-samples", "gradient descent at rate 2", "vae",
         ("data=digits8", "train.length=300", "optimizer={name: sgd, lr: 2}")),
    Case("nan-ahead", "Wasserstein loss without bound, gradient descent at rate 0.05", "vanilla-gan@plain",
         (*PERCEPTRONS, "model.objective=wasserstein", "optimizer={name: sgd, lr: 0.05}")),
    Case("nan-ahead", "the same at rate 0.02", "vanilla-gan@plain",
         (*PERCEPTRONS, "model.objective=wasserstein", "optimizer={name: sgd, lr: 0.02}")),
    Case("nan-ahead", "least squares, gradient descent, rate 0.3, momentum 0.9", "vanilla-gan@plain",
         (*PERCEPTRONS, "model.objective=least-squares", "optimizer={name: sgd, lr: 0.3, momentum: 0.9}")),
    Case("", "dcgan", "dcgan", (*IMAGES, "model.conditioning=null", "optimizer.lr=5e-4")),
    Case("", "default", "default", (*IMAGES,)),
    Case("", "wgan-gp", "wgan-gp", (*IMAGES, "train.length=300")),
    Case("", "wgan", "wgan", (*IMAGES, "train.length=250")),
    Case("", "lsgan", "lsgan", (*IMAGES,)),
    Case("", "vanilla-gan on the ring", "vanilla-gan@plain",
         (*PLANE, "train.length=1500", "optimizer.lr=1e-3")),
    Case("", "vae", "vae", ("data=digits8", "train.length=400")),
    Case("", "gmm", "gmm", ("data=digits8",)),
    Case("", "r3gan", "r3gan", (*IMAGES, "train.length=300")),
    Case("", "vanilla-gan", "vanilla-gan@plain", (*PERCEPTRONS,)),
    Case("", "realnvp", "realnvp", ("data=digits8", "train.length=100")),
    Case("", "ddpm-toy", "ddpm-toy", ("data=ring", "train.length=600")),
)  # fmt: skip


def watch(case: Case, seed: int, folder: Path, *, cure: bool) -> dict[str, Any]:
    """Train once and ask the doctor; where asked, train again with the first advice against the illness."""
    checkup, stopped, seconds = _trained(case, seed, folder / "first", ())
    row: dict[str, Any] = {
        "case": case.key,
        "recipe": case.recipe,
        "seed": seed,
        "found": {finding.name: finding.since for finding in checkup.findings},
        "iteration": checkup.iteration,
        "stopped": stopped,
        "seconds": seconds,
    }
    advice = [f.advice[0].overrides for f in checkup.findings if f.name == case.illness and f.advice]
    if cure and advice:
        again, stopped, _ = _trained(case, seed, folder / "again", advice[0])
        names = [finding.name for finding in again.findings]
        row["cure"] = {"overrides": list(advice[0]), "found": names, "stopped": stopped}
    return row


def _trained(case: Case, seed: int, out: Path, changes: Sequence[str]) -> tuple[Checkup, str, float]:
    """What the doctor says of a training, why it stopped early, and its CPU seconds."""
    stopped = ""
    overrides = (*case.overrides, *QUIET, f"train.seed={seed}", *changes)
    try:
        genus.train(case.recipe, out=out, overrides=overrides)
    except NonFiniteError as error:
        stopped = str(error)
    lines = list(Run(out).log_lines())
    return genus.doctor(Run(out), samples=False), stopped, lines[-1]["cpu_seconds"]


def run_all(
    cases: Sequence[Case], seeds: Sequence[int], results: Path, cures: int
) -> Iterator[tuple[Case, list[dict[str, Any]]]]:
    """Results of every case and seed, from the file where they are known."""
    known: dict[tuple[str, str, int], dict[str, Any]] = {}
    if results.is_file():
        for line in results.read_text().splitlines():
            row = json.loads(line)
            known[row["case"], row["recipe"], row["seed"]] = row
    for case in cases:
        rows: list[dict[str, Any]] = []
        for number, seed in enumerate(seeds):
            key = (case.key, case.recipe, seed)
            if key not in known:
                with tempfile.TemporaryDirectory() as folder, results.open("a") as file:
                    known[key] = watch(case, seed, Path(folder), cure=number < cures)
                    file.write(json.dumps(known[key]) + "\n")
            rows.append(known[key])
        yield case, rows


def ahead(row: Mapping[str, Any], illness: str) -> bool:
    """Whether the illness was named; one that ends the run must be named before its end."""
    return illness in row["found"] and not (row["stopped"] and row["found"][illness] >= row["iteration"])


def line(case: Case, rows: Sequence[Mapping[str, Any]]) -> str:
    """A row of the table."""
    n = len(rows)
    if case.illness:
        hits = sum(ahead(row, case.illness) for row in rows)
    else:
        hits = sum(bool(row["found"]) for row in rows)
    low, high = wilson(hits, n)
    others: dict[str, int] = {}
    for row in rows:
        for name in row["found"]:
            if name != case.illness:
                others[name] = others.get(name, 0) + 1
    beside = ", ".join(f"{name} {count}" for name, count in sorted(others.items())) or "–"
    cured = [case.illness not in row["cure"]["found"] for row in rows if "cure" in row]
    cure = f"{sum(cured)} of {len(cured)}" if cured else "–"
    seconds = sum(row["seconds"] for row in rows) / n
    return (
        f"| {case.illness or 'healthy'} | `{case.recipe}`: {case.how} | {hits} of {n} | "
        f"{low:.2f} … {high:.2f} | {beside} | {cure} | {seconds:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=100, help="first seed")
    parser.add_argument("--runs", type=int, default=10, help="seeds per case")
    parser.add_argument("--cures", type=int, default=4, help="seeds that are also trained by the advice")
    parser.add_argument("--results", type=Path, default=Path("doctor-results.jsonl"))
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="invalid value encountered in cast")
    cases = [case for case in CASES if options.only in f"{case.key} {case.recipe}"]
    print("| runs | how | seen | 95 % interval | also seen, in runs | gone with advice | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for case, rows in run_all(
        cases, range(options.first, options.first + options.runs), options.results, options.cures
    ):
        print(line(case, rows), flush=True)


if __name__ == "__main__":
    main()
