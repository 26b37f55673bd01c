"""Arguments are held to their ranges before work starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from genus.core import ranges
from genus.core.binder import coerce
from genus.core.errors import RecipeError
from genus.core.recipe import load_recipe
from genus.core.registry import Component, Parameter, catalogue

INSIDE = {
    "Count": [1, 7], "Natural": [0, 7], "Positive": [1e-9, 50], "Exponent": [2, 6], "Weight": [0, 50],
    "Share": [0, 0.5, 1], "ShareBelow1": [0, 0.5], "ShareAbove0": [0.5, 1], "ShareInside": [0.5],
}  # fmt: skip
OUTSIDE = {
    "Count": [0, -1, 1.5], "Natural": [-1, 0.5], "Positive": [0, -1], "Exponent": [1.9], "Weight": [-1e-9],
    "Share": [-0.1, 1.1], "ShareBelow1": [-0.1, 1], "ShareAbove0": [0, 1.1], "ShareInside": [0, 1],
}  # fmt: skip
TRAINED = ("model", "network", "objective", "penalty", "regulariser", "conditioning", "augmentation",
           "discriminator_schedule", "augmentation_schedule", "optimizer", "schedule")  # fmt: skip


def test_every_range_has_its_borders() -> None:
    assert INSIDE.keys() == OUTSIDE.keys() == set(ranges.__all__)
    for name in ranges.__all__:
        adapter: TypeAdapter[float] = TypeAdapter(getattr(ranges, name))
        for value in INSIDE[name]:
            assert adapter.validate_python(value) == value
        for value in (*OUTSIDE[name], float("nan"), float("inf"), "1e400", "much", True, False):
            with pytest.raises(ValidationError):
                adapter.validate_python(value)


def numbers() -> Iterator[tuple[Component, Parameter]]:
    """Numeric arguments of all that is trained."""
    for entry in catalogue().values():
        if entry.kind in TRAINED and entry.module.startswith("genus."):
            for parameter in entry.parameters:
                fields = parameter.group.parameters if parameter.group else [parameter]
                for one in fields:
                    if one.component_kind is None:
                        yield entry, one


def test_what_is_trained_says_the_ranges_of_its_numbers() -> None:
    bare = {
        f"{entry.kind} {entry.name}: {parameter.name}"
        for entry, parameter in numbers()
        if re.search(r"\b(int|float)\b", parameter.annotation)
    }
    means = {"model consistency: mean", "model meanflow: mean"}  # of logarithms and logits, any number
    assert bare == {"conditioning information: categories", *means}, "say its range, see genus.core.ranges"


@pytest.mark.parametrize(
    ("recipe", "change", "border"),
    [
        ("dcgan", "model.penalty_every=0", "should be greater than or equal to 1"),
        ("dcgan", "model.packing=-1", "should be greater than or equal to 1"),
        ("dcgan", "model.generator.width=0", "should be greater than or equal to 1"),
        ("dcgan", "model.conditioning.features=0", "should be greater than or equal to 1"),
        ("dcgan", "model.objective.smoothing=1.5", "should be less than 1"),
        ("default", "model.penalties.0.weight=-1", "should be greater than or equal to 0"),
        ("wgan", "model.regularisation.weight_clip=0", "should be greater than 0"),
        ("began", "model.diversity=3", "should be less than or equal to 1"),
        ("vanilla-gan", "model.generator.hidden=[64, 0]", "should be greater than or equal to 1"),
        ("vanilla-gan", "optimizer.betas=[0.5, 1.0]", "should be less than 1"),
    ],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused_with_the_place(recipe: str, change: str, border: str) -> None:
    place = change.split("=")[0].replace(".", r"\.")
    with pytest.raises(RecipeError, match=rf"{place}.*: Input {border}"):
        load_recipe(recipe, [change])


@pytest.mark.parametrize(
    "change",
    ["optimizer.lr=1e400", "optimizer.lr=.inf", "train.clip=.inf", "train.clip=1e400", "train.ema=.nan",
     "model.penalties.0.weight=.inf", "train.length=1e400", "train.save_every=1e400 seconds",
     "train.doctor_every=.inf", "optimizer.betas=[0.5, .nan]"],
)  # fmt: skip
def test_no_number_of_a_recipe_is_infinite(change: str) -> None:
    place = change.split("=")[0].replace(".", r"\.")
    with pytest.raises(RecipeError, match=place):
        load_recipe("default", [change])


@pytest.mark.parametrize(
    ("value", "annotation"), [(".inf", "float"), ([1.0, float("-inf")], "Sequence[float]"),
                              ({"a": [float("nan")]}, "Any")]
)  # fmt: skip
def test_no_number_of_any_type_is_infinite(value: object, annotation: str) -> None:
    with pytest.raises(RecipeError, match=r"a\.b: .*(finite|number)"):
        coerce(value, annotation, "a.b")


def test_the_message_names_what_was_given() -> None:
    with pytest.raises(
        RecipeError, match=r"a\.b: Input should be less than 1 \(got 1; the type is ShareBelow1\)"
    ):
        coerce(1, "ShareBelow1", "a.b")
