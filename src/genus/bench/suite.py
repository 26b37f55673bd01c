"""Suites: what a benchmark trains, on what, how often and at which cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from genus.core.binder import is_list, is_mapping
from genus.core.errors import GenusError, InputError, RecipeError, nearest
from genus.core.ranges import Number, Whole
from genus.core.recipe import Recipe, load_recipe
from genus.core.recipe_text import parse_yaml
from genus.core.registry import component
from genus.core.train_settings import check_length
from genus.data.locate import describe_source

SUITES = Path(__file__).parents[1] / "suites"
"""Folder of the suites that come with genus."""


class SuiteEntry(BaseModel):
    """One recipe of a suite.

    YAML may give its name alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    recipe: str = Field(description="name of a recipe or path of its file")
    name: str = Field("", description="in the table; the recipe's by default")
    changes: tuple[str, ...] = Field((), alias="set", description="overrides, key.path=value")
    budget: Whole | Number | str | None = Field(None, description="in place of the suite's")


class Suite(BaseModel):
    """A benchmark as its YAML file describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    summary: str = Field("", description="one line")
    recipes: tuple[SuiteEntry, ...] = Field(
        min_length=1, description="names, or {recipe, name, set, budget}, or {recipe, vary, set, budget}"
    )
    data: tuple[str, ...] = Field((), description="names or paths; each recipe's own by default")
    seeds: tuple[Whole, ...] = Field((0, 1, 2), min_length=1, description="a number of seeds, or a list")
    budget: Whole | Number | str | None = Field(
        None, description="'60 CPU seconds', '200k samples', iterations; each recipe's own length by default"
    )
    samples: Whole | None = Field(
        None, ge=10, description="drawn for the evaluation; the protocol's by default"
    )
    against: str | None = Field(
        None, description="data to measure against, in place of those that were trained on"
    )
    features: str | None = Field(
        None, description="what distances are measured in, a name or file; chosen by the data by default"
    )
    metrics: tuple[str, ...] = Field((), description="what is measured; every metric that fits by default")
    changes: tuple[str, ...] = Field((), alias="set", description="overrides for all recipes")
    columns: tuple[str, ...] = Field((), description="scores of the table, the first one ranks")

    @field_validator("recipes", mode="before")
    @classmethod
    def _entries(cls, value: Any) -> Any:
        entries = [{"recipe": item} if isinstance(item, str) else item for item in _list(value)]
        return [one for entry in entries for one in _varied(entry)]

    @field_validator("metrics")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            try:
                component("metric", name)
            except RecipeError as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("features")
    @classmethod
    def _features(cls, value: str | None) -> str | None:
        if value is not None:
            from genus.metrics.features.choose import check_features  # with which torch is loaded

            try:
                check_features(value)
            except GenusError as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("data", "changes", "columns", "metrics", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return _list(value)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return tuple(range(value)) if type(value) is int else value  # True is an int, too

    @field_validator("budget")
    @classmethod
    def _budget(cls, value: Any) -> Any:
        return check_length(value)

    def measured(self) -> dict[str, Any]:
        """How every training is evaluated: arguments of :func:`genus.evaluate`."""
        return {
            "data": self.against,
            "n": self.samples,
            "features": self.features,
            "metrics": self.metrics or None,
        }


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of a suite: an entry on a data set with a seed.

    Args:
        entry: name of the entry.
        data: name of the data set.
        seed: of the training.
        source: name or path of the recipe.
        condition: data set in place of the recipe's, or None.
        changes: overrides, the seed and the budget among them.
        recipe: what these resolve to.
        folder: of the run, below the folder of the benchmark.
    """

    entry: str
    data: str
    seed: int
    source: str
    condition: str | None
    changes: tuple[str, ...]
    recipe: Recipe
    folder: Path


def load_suite(source: str | Path | Mapping[str, Any]) -> tuple[str, Suite]:
    """Read a suite by name or path; returns its name, too.

    Raises:
        InputError: for an unknown suite, key, or impossible value.
    """
    if isinstance(source, Mapping):
        return "suite", _checked(dict(source), "suite")
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        files = suite_files()
        if str(source) not in files:
            raise InputError(f"unknown suite {str(source)!r}{nearest(str(source), files)}")
        path = files[str(source)]
    if not path.is_file():
        raise InputError(f"suite file {str(source)!r} does not exist")
    return path.stem, _checked(parse_yaml(path.read_text(encoding="utf-8"), str(path)), path.stem)


def suite_files() -> dict[str, Path]:
    """The suites that come with genus, by name."""
    return {path.stem: path for path in sorted(SUITES.glob("*.yaml"))}


def suite_cells(suite: Suite, root: Path) -> list[Cell]:
    """Every training of a suite, seed by seed so that a first table of all recipes comes early.

    All recipes are resolved, so that a wrong key fails before anything trains.

    Raises:
        RecipeError: when a recipe cannot be bound.
        InputError: when two entries have the same name.
    """
    names = [_name(entry) for entry in suite.recipes]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"two recipes of the suite are called {min(twice)!r}; give one another 'name'")
    return list(_cells(suite, names, root))


def _cells(suite: Suite, names: Sequence[str], root: Path) -> Iterator[Cell]:
    for seed in suite.seeds:
        for data in suite.data or (None,):
            for name, entry in zip(names, suite.recipes, strict=True):
                budget = suite.budget if entry.budget is None else entry.budget
                length = () if budget is None else (f"train.length={budget}",)
                changes = (*suite.changes, *entry.changes, *length, f"train.seed={seed}")
                recipe = load_recipe(entry.recipe, changes, data=data, locate=describe_source)
                shown = Path(data or str(recipe.config["data"]["name"])).name
                yield Cell(
                    entry=name,
                    data=shown,
                    seed=seed,
                    source=entry.recipe,
                    condition=data,
                    changes=changes,
                    recipe=recipe,
                    folder=root / shown / name / f"seed-{seed}",
                )


def _name(entry: SuiteEntry) -> str:
    return entry.name or Path(entry.recipe).stem


def _checked(raw: dict[str, Any], name: str) -> Suite:
    try:
        return Suite.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        hint = ""
        if first["type"] == "extra_forbidden":
            *parents, unknown = first["loc"]
            known = SuiteEntry if parents else Suite
            keys = [field.alias or key for key, field in known.model_fields.items()]
            hint = nearest(str(unknown), keys)
        raise InputError(f"suite {name!r}: {where}: {first['msg']}{hint}") from None


def _varied(entry: Any) -> list[Any]:
    """One entry for each combination of what ``vary`` lists, called by the names of its parts.

    Raises:
        ValueError: when it is not a list of mappings from names to overrides.

    >>> entry = {"recipe": "dcgan", "vary": [{"a": "x=1", "b": []}, {"": [], "+ c": "y=2"}]}
    >>> [one["name"] for one in _varied(entry)]
    ['a', 'a + c', 'b', 'b + c']
    """
    if not is_mapping(entry) or "vary" not in entry:
        return [entry]
    axes, rest = entry["vary"], {key: value for key, value in entry.items() if key != "vary"}
    if "name" in rest or not is_list(axes) or not axes or not all(is_mapping(axis) and axis for axis in axes):
        raise ValueError("vary is a list of mappings from a name to overrides, in place of one name")
    found: list[Any] = []
    for parts in product(*(axis.items() for axis in axes)):
        changes = [change for _, listed in parts for change in _list(listed)]
        name = " ".join(str(name) for name, _ in parts if name)
        found.append({**rest, "name": name, "set": [*_list(rest.get("set", [])), *changes]})
    return found


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value
