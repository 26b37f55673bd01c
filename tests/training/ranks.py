"""What two ranks do together; run by ``torchrun`` from test_ranks.py, prints JSON per rank."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genus import assembly
from genus.core.batch import Batch
from genus.core.errors import GenusError
from genus.core.phase import Context, Phase, Terms
from genus.core.recipe import Recipe, load_recipe
from genus.training.devices import launch, sum_tensors
from genus.training.engine import Engine, Interrupted
from genus.training.publisher import Hooks
from genus.training.run import Run
from tests.tiny import tiny_config
from tests.training.harness import Line, make_engine, make_recipe


def outcome(work: Callable[[], Any]) -> str:
    """How it ended."""
    try:
        work()
    except (GenusError, Interrupted) as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def digest(engine: Engine) -> list[float]:
    """Weights as numbers."""
    return torch.cat([p.detach().flatten() for p in engine.model.parameters()]).tolist()


class Watched(Line):
    """Line whose loss can do things on one rank only."""

    def __init__(self, fabric: Any) -> None:
        super().__init__()
        self.first = fabric.global_rank == 0
        self.unused = nn.Parameter(torch.ones(3))
        self.noise: list[float] = []
        self.at: Callable[[int], None] = lambda iteration: None
        self.broken = False

    def phases(self) -> list[Phase]:
        return [Phase(name="fit", updates={"all": self.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        self.at(ctx.progress.iteration)
        self.noise.append(float(ctx.noise.normal(len(batch), 1)[0]))
        value = super().loss(batch, ctx)["square"]
        bad = self.broken and not self.first and ctx.progress.iteration == 2
        return {"square": value * float("nan") if bad else value}


def main(folder: Path) -> dict[str, Any]:
    """Everything two ranks are asked to show."""
    fabric = launch("cpu")
    rank = fabric.global_rank
    found: dict[str, Any] = {"rank": rank}

    def engine(name: str, model: Line, **options: Any) -> Engine:
        if rank == 0:
            Run.create(folder / name, make_recipe("sgd", {}), model.spec, "none")
        fabric.barrier()
        return make_engine(model, folder / name, join=True, **options)

    # A loss that is NaN on one rank stops both before anything changes.
    model = Watched(fabric)
    model.broken = True
    broken = engine("nan", model, save_every=1)
    found["nan"] = outcome(broken.fit)
    found["nan weights"] = digest(broken)

    # Ranks draw other noise; a parameter nobody uses is left alone even by weight decay.
    model = Watched(fabric)
    plain = engine("plain", model, optimizer={"name": "adamw", "weight_decay": 0.5})
    plain.fit()
    found["noise"] = model.noise
    found["unused"] = model.unused.tolist()

    # Lengths and schedules in seconds follow one clock though ranks are not equally fast.
    model = Watched(fabric)
    model.at = lambda iteration: time.sleep(0.02 * rank)
    timed = engine("timed", model, length="0.3 seconds", schedule="cosine", save_every="0.1 seconds")
    timed.fit()
    found["timed"] = [timed.stage_progress.clock.iteration, timed.stage_progress.clock.seconds]
    found["timed weights"] = digest(timed)

    # A signal that reaches rank 0 only stops both, and everything is saved.
    model = Watched(fabric)
    model.at = lambda i: os.kill(os.getpid(), signal.SIGTERM) if rank == 0 and i == 2 else None
    stopped = engine("stopped", model, length=1000)
    found["stopped"] = [
        outcome(stopped.fit),
        stopped.stage_progress.clock.iteration,
        stopped.run.load().number,
    ]

    # Scores are rank 0's, so that early stopping is everybody's.
    scores = iter([1.0, 2.0, 3.0, 4.0] if rank == 0 else [4.0, 3.0, 2.0, 1.0])
    hooks = Hooks(score=lambda model: {"s": next(scores)})
    scored = engine("scored", Watched(fabric), hooks=hooks, length=50, score_every=1, patience=2)
    scored.fit()
    found["scored"] = scored.stage_progress.clock.iteration

    # Sums keep the precision of their tensors.
    exact = torch.tensor([1e9 + 1.0], dtype=torch.float64)
    found["sum"] = sum_tensors(fabric, [exact])[0].item()

    recipe = Recipe("tiny", load_recipe(tiny_config("unrolled-gan")).config)
    data = assembly.open_data(recipe)
    found["whole batch"] = outcome(
        lambda: assembly.make_engine(
            Run(plain.run.path), recipe, assembly.build_model(recipe, data.spec), data, fabric
        )
    )
    return found


if __name__ == "__main__":
    result = main(Path(sys.argv[1]))
    Path(sys.argv[1], f"rank{result['rank']}.json").write_text(json.dumps(result))
