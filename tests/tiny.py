"""Recipes made small by rule, so that every recipe of the book is tested without being named."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from genus.assembly import build_model, make_engine, open_data
from genus.core.batch import Condition, Parts
from genus.core.column import Column
from genus.core.model import Model
from genus.core.recipe import Recipe, load_recipe
from genus.core.recipe_text import recipe_files
from genus.core.space import AnySpace, Composite, Space, table_space
from genus.training.devices import launch
from genus.training.engine import Engine
from genus.training.run import Run

SMALL: dict[str, Any] = {
    "width": 8, "channels": 8, "components": 3, "axes": 8, "latent": 4, "num_chains": 8,
    "sampling_steps": 5, "steps": 8, "top_steps": 2, "importance_samples": 3, "blocks": 1, "features": 8,
    "embedding": 4, "prior_components": 3, "kmeans_passes": 2, "layers": 2, "patch": 1, "unroll": 2,
    "smallest": 4, "window": 2, "first": 2, "again_every": 3, "mean_field_steps": 1,
}  # fmt: skip
"""Values that make any component small; keys a component lacks do not matter."""

GAN_ON_DIGITS = """
summary: A small GAN
model:
  name: gan
  generator: {name: mlp, hidden: [16]}
  discriminator: {name: mlp, hidden: [16]}
  objective: non-saturating
  conditioning: concatenation
  latent: 4
data: {name: digits8, holdout: 0.5}
train: {length: 6, batch: 20, log_every: 1}
"""
"""A recipe file of a small GAN, whose data have classes."""

RECIPES = sorted(recipe_files())


def tiny_config(name: str, **train: Any) -> dict[str, Any]:
    """A recipe of the book with small networks, small data and ``train`` settings."""
    config = copy.deepcopy(dict(load_recipe(name).config))
    config["model"] = _shrink(config["model"])
    spec, data = open_data(load_recipe(name)).spec, config["data"]["name"]
    vectors = len(spec.shape) == 1
    config["data"] = {"name": "ring", "n": 200} if vectors else {"name": "digits8"}
    batch = 12
    if data == "photograph":  # one image is all of it
        config["data"], batch = {"name": data, "longest": 24}, 1
        config["model"].update(smallest=7, depth=2, factor=0.5, widen_every=2)
    if data == "energy":  # the density that the model is fitted to
        config["data"] = {**load_recipe(name).config["data"], "n": 200}
    if spec.condition is not None and spec.condition.kind != "class":  # digits that come with something
        config["data"] = {"name": data, "digits": "digits8"}
    config["train"] = {
        **config["train"], "length": 4, "batch": batch, "precision": "32", "channels_last": False,
        "save_every": 1000, "sample_every": 1000, "score_every": None, "patience": None,
        "log_every": 1, "warmup": 0, "device": "cpu", "doctor": "off", **train,
    }  # fmt: skip
    return config


def _shrink(value: Any) -> Any:
    if isinstance(value, Mapping):
        small = {}
        for key, item in value.items():
            if key == "hidden":
                small[key] = [16] * len(item) if isinstance(item, Sequence) else 16
            elif key in SMALL and isinstance(item, int) and not isinstance(item, bool):
                small[key] = min(item, SMALL[key])
            else:
                small[key] = _shrink(item)
        return small
    if isinstance(value, list):
        return [_shrink(item) for item in value]
    return value


def tiny_engine(config: Mapping[str, Any], out: Path, **hooks: Any) -> Engine:
    """An engine ready to fit, in a new run at ``out``."""
    recipe = Recipe("tiny", load_recipe(dict(config)).config)
    dataset = open_data(recipe)
    model = build_model(recipe, dataset.spec)
    run = Run.create(out, recipe, dataset.spec, dataset.fingerprint)
    return make_engine(run, recipe, model, dataset, launch("cpu", "32"), **hooks)


def conditions_for(model: Model, n: int) -> Condition | None:
    """Classes in turn, or random conditions ``(n, …)``, for conditional models; else None."""
    space = model.spec.condition if getattr(model, "conditional", False) else None
    return None if space is None else random_conditions(space, n)


def random_conditions(space: AnySpace, n: int) -> Condition:
    """Classes in turn, or random values of a space."""
    chance = torch.Generator().manual_seed(0)
    if isinstance(space, Composite):
        parts = {name: random_conditions(part, n) for name, part in space.parts}
        return Parts({name: part for name, part in parts.items() if isinstance(part, torch.Tensor)})
    if space.kind == "class":
        return torch.arange(n) % len(space.names)
    if space.is_whole:
        most = len(space.names) + (space.kind == "tokens")
        return torch.randint(most, (n, *space.shape), generator=chance)
    return torch.rand(n, *space.shape, generator=chance)


def table(*columns: tuple[str, float, float]) -> Space:
    """The space of a table, by name, mean and deviation of each column."""
    return table_space(Column(name=name, mean=mean, deviation=deviation) for name, mean, deviation in columns)


MASK_NAMES = ("0", "255")
"""Labels of a mask as files hold them."""


def weights(model: Model) -> dict[str, torch.Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    """Whether two states are the same bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
