"""Engines on models that are written in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.model import Model
from genus.core.phase import Context, Phase, Terms
from genus.core.recipe import Recipe, load_recipe
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.training.callbacks import JsonLines
from genus.training.checkpoints import Checkpoint
from genus.training.devices import launch
from genus.training.engine import Engine
from genus.training.run import Run

PLANE = DataSpec(example=Space(kind="vector", shape=(2,)))


def points(n: int = 24, *, seed: int = 0, spec: DataSpec = PLANE) -> ArraySource:
    """Standard normal examples."""
    values = np.random.default_rng(seed).standard_normal((n, *spec.shape)).astype(np.float32)
    return ArraySource(values, None, spec)


def make_recipe(optimizer: Any, train: Mapping[str, Any]) -> Recipe:
    """Quiet settings; the recipe's model and data stand for the test's own."""
    quiet = {"save_every": 100_000, "sample_every": 100_000, "log_every": 1, "length": 4, "batch": 8}
    return load_recipe(
        {"model": "gmm", "data": "ring", "optimizer": optimizer, "train": {**quiet, "device": "cpu", **train}}
    )


def make_engine(
    model: Model,
    out: Path,
    *,
    source: ArraySource | None = None,
    optimizer: Any = "sgd",
    join: bool = False,
    restore: bool = False,
    hooks: Any = None,
    callbacks: Sequence[Any] = (),
    **train: Any,
) -> Engine:
    """An engine for a model in a new run at ``out``.

    Args:
        model: what is trained.
        out: folder of the run.
        source: its data; some standard normal examples by default.
        optimizer: as in a recipe.
        join: the run exists.
        restore: the run exists, and its last checkpoint is where to continue.
        hooks: sampling and scoring.
        callbacks: besides the log.
        train: settings as in a recipe.
    """
    recipe = make_recipe(optimizer, train)
    run = Run(out) if restore or join else Run.create(out, recipe, model.spec, "none")
    engine = Engine(
        model,
        source or points(spec=model.spec),
        run,
        settings=recipe.train,
        optimizer=recipe.config["optimizer"],
        fabric=launch("cpu"),
        callbacks=[JsonLines(), *callbacks],
        hooks=hooks,
    )
    if restore:
        engine.restore(run.load())
    return engine


class Line(Model):
    """Least squares towards zero: the smallest model that trains."""

    def __init__(self, spec: DataSpec = PLANE, *, every: int = 1, repeat: int = 1) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.layer = nn.Linear(spec.size, 1)
        self.every, self.repeat = every, repeat

    def phases(self) -> Sequence[Phase]:
        updates = {"line": self.layer.parameters}
        return [Phase(name="fit", updates=updates, loss=self.loss, every=self.every, repeat=self.repeat)]

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        return {"square": (self.layer(batch.x) - 1).square().mean()}


class Listener:
    """Keeps everything callbacks are told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda first, second=None, *rest: self.heard.append((name, first, second))

    def of(self, name: str) -> list[tuple[Any, Any]]:
        """What was told to the callback ``name``."""
        return [(first, second) for kind, first, second in self.heard if kind == name]


def same(a: Checkpoint, b: Checkpoint) -> None:
    """Assert that two checkpoints hold the same tensors bit for bit, and the same clock."""
    assert a.number == b.number
    assert a.tensors.keys() == b.tensors.keys()
    for stem in a.tensors:
        assert_equal(a.tensors[stem], b.tensors[stem])
    timeless = [{k: v for k, v in c.state["clock"].items() if "seconds" not in k} for c in (a, b)]
    assert timeless[0] == timeless[1]


def assert_equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> None:
    """Assert that two states are the same bit for bit."""
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), f"{name} differs by {(a[name] - b[name]).abs().max()}"


def timeless_log(run: Run) -> list[dict[str, Any]]:
    """Lines of the log without what depends on the wall clock."""
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in run.log_lines()]
