"""No option is dead: each number and switch of a recipe's model and optimiser changes something."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from genus.core.capabilities import Classifies, Density, Samples
from genus.core.errors import GenusError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.sampling.draw import draw, evaluating
from genus.training.engine import Engine
from tests.tiny import RECIPES, conditions_for, equal, tiny_config, tiny_engine, weights

LENGTHS = (3, 16)
"""Iterations: most options show at once; momentum in the last of several stages needs a few."""

Keys = tuple[str | int, ...]


def exception(config: Mapping[str, Any], keys: Keys) -> str | None:
    """Why an option has nothing to act on in this very recipe; None for all others."""
    owner = functools.reduce(lambda here, key: here[key], keys[:-1], config)
    if keys[-1] == "penalty_every" and not owner["penalties"]:
        return "there is no penalty to be computed more rarely"
    if keys[-1] == "path_length_every" and not owner["path_length"]:
        return "there is no path length term to be computed more rarely"
    if keys[-1] == "bound_weight" and owner.get("variance") == "fixed":
        return "the variance is not learned"
    if keys[-1] == "sigma" and owner.get("method") in ("explicit", "sliced"):
        return "no noise is added to the data"
    if keys[-1] in ("churn_from", "churn_noise") and not owner["churn"]:
        return "no noise is added during sampling"
    if keys[-2:] == ("guidance", "guide_share") and not owner["guide"]:
        return "there is no weaker network to be trained for a shorter time"
    if keys[-1] == "reflow" and owner["path"]["name"] != "straight":
        return "its paths are not straight"
    if keys[-1] == "reflow_steps" and not owner["reflow"]:
        return "no pairs are made by the ODE"
    guides = ("condition_dropout", "guide", "classifier")
    if keys[-2:] == ("guidance", "scale") and not any(owner[key] for key in guides):
        return "there is nothing to guide by"
    return None


def leaves(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Numbers and switches with the way to them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    elif isinstance(value, bool | int | float):
        yield path, value


def changed(value: Any, key: str | int) -> list[Any]:
    """Other values, the most natural first; later ones for components that refuse the first."""
    if key == "margin":
        return [value / 20]  # energies are far below a margin at first, so a larger one cannot show
    if key == "reflow":
        return [0.5]  # a hundredth of a few iterations is none
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2, value - 1]
    return [value * 1.5 + 0.01, value / 2, 0.5]


def put(config: Any, path: Keys, value: Any) -> Any:
    """A copy of the configuration with one leaf changed."""
    config = copy.deepcopy(config)
    here = config
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return config


def place(config: Mapping[str, Any], keys: Keys) -> tuple[Any, ...]:
    """Where an option acts: the way to it and the names of the components on that way.

    Recipes that differ elsewhere only share it, so that it need be tested in one of them alone.
    """
    names = []
    here: Any = config
    for key in keys:
        names.append(here.get("name") if isinstance(here, Mapping) else None)
        here = here[key]
    return (*keys, *names)


def options() -> Iterator[tuple[str, Keys]]:
    """Every option of every recipe, once for each place where it acts."""
    seen: set[tuple[Any, ...]] = set()
    for name in RECIPES:
        config = tiny_config(name)
        for part in ("model", "optimizer"):
            for keys, _ in leaves(config[part]):
                found = (config["model"]["name"], *place(config, (part, *keys)))
                if found not in seen and exception(config, (part, *keys)) is None:
                    seen.add(found)
                    yield name, (part, *keys)


OPTIONS = [pytest.param(name, keys, id=f"{name}-{'.'.join(map(str, keys))}") for name, keys in options()]


@functools.cache
def base(name: str, length: int, folder: str) -> Engine:
    """The unchanged tiny run of a recipe."""
    return trained(tiny_config(name, length=length, ema=None), Path(folder) / f"{name}-{length}")


def trained(config: Mapping[str, Any], out: Path) -> Engine:
    """A training that has come to its end."""
    engine = tiny_engine(config, out)
    engine.fit()
    return engine


def variant(name: str, keys: Keys, length: int, out: Path) -> tuple[Any, Model]:
    """Another value of an option, and what comes of it."""
    config = tiny_config(name, length=length, ema=None)
    old = functools.reduce(lambda here, key: here[key], keys, config)
    refusals: list[str] = []
    for number, value in enumerate(changed(old, keys[-1])):
        try:
            return value, trained(put(config, keys, value), out / f"{length}-{number}").model
        except (GenusError, ValueError) as error:
            refusals.append(str(error))
    pytest.fail(f"no other value than {old!r} is accepted: {refusals}")


def looks_alike(one: Model, other: Model) -> bool:
    """Whether weights, samples, classes and likelihoods are all the same, bit for bit."""
    if not equal(weights(one), weights(other)):
        return False
    spec, count = one.spec, 6
    low, high = spec.range or (-1.0, 1.0)
    x = low + (high - low) * torch.rand(count, *spec.shape, generator=torch.Generator().manual_seed(0))
    labels = conditions_for(one, count)
    views: list[Callable[[Any], torch.Tensor]] = []
    if isinstance(one, Samples):
        views.append(lambda model: draw(model, count, condition=labels, seed=1))
    if isinstance(one, Classifies):
        views.append(lambda model: model.classify(x))
    if isinstance(one, Density):
        views.append(lambda model: model.log_prob(x, condition=labels, noise=Noise(1, block=1)))
    with evaluating(one), evaluating(other):
        return all(torch.equal(view(one), view(other)) for view in views)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where unchanged runs lie."""
    return str(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(("name", "keys"), OPTIONS)
def test_every_option_does_something(name: str, keys: Keys, folder: str, tmp_path: Path) -> None:
    for length in LENGTHS:
        reference = base(name, length, folder)
        if keys[0] == "optimizer" and not any(
            p.updates for s in reference.stage_progress.stages for p in s.phases
        ):
            pytest.skip("trained in closed form: there is nothing to step")
        value, model = variant(name, keys, length, tmp_path)
        if not looks_alike(reference.model, model):
            return
    pytest.fail(f"{'.'.join(map(str, keys))}={value} changes nothing")
