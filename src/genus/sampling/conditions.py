"""What samples are asked for: a class, a condition, codes, or each in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from genus.core.errors import CapabilityError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from genus.core.model import Model
    from genus.data.source import Dataset
    from genus.sampling.parse_condition import ConditionWords

POPULATION = 1000
"""Conditions that stand for all those of the data."""


def requested_condition(
    model: Model,
    n: int,
    label: int | str | None,
    condition: ConditionWords | None,
    dataset: Callable[[], Dataset],
) -> Any:
    """What ``n`` samples are asked for, in the words of :func:`sample`.

    Args:
        model: any model.
        n: how many samples.
        label: see :func:`sample`.
        condition: see :func:`sample`.
        dataset: opens the data where theirs is needed.

    Returns:
        Class numbers ``(n,)``, conditions ``(n, ...)``, codes ``(n, size)`` with NaN for those left to
        chance, or None for a model that is told nothing or whose codes are all left to chance.

    Raises:
        CapabilityError: when the model is told nothing of the kind.
        InputError: for an unknown class, or a condition or code that does not fit.
    """
    import torch

    from genus.core.model import Samples
    from genus.data.conditioned import conditions_in_turn
    from genus.sampling.parse_condition import parse_condition

    if not isinstance(model, Samples) or not model.conditional:
        return _codes_asked_for(model, label, condition, n)
    if label is None and condition is None:
        return default_condition(model, n, dataset)
    space = model.spec.condition
    if space is not None:
        if label is not None or condition is None:
            raise CapabilityError(f"this model has no classes; it is told {space.describe()}: use condition")
        return parse_condition(condition, space, n, lambda: conditions_in_turn(dataset().test, n))
    if condition is not None:
        raise CapabilityError("this model is told classes: use label")
    classes, text = model.spec.classes, str(label)
    if text in classes:
        return torch.full((n,), classes.index(text))
    if text.isdigit() and int(text) < len(classes):
        return torch.full((n,), int(text))
    raise InputError(f"label {text!r}: the classes are {', '.join(classes)}")


def _codes_asked_for(
    model: Model, label: int | str | None, condition: ConditionWords | None, n: int
) -> Tensor | None:
    """What ``n`` samples are asked for of a model that is told nothing that comes with the data."""
    from genus.core.model import Samples
    from genus.sampling.parse_condition import parse_codes

    codes = model.codes if isinstance(model, Samples) else ()
    if label is not None:
        instead = f"; it has codes: use given, such as {codes[0].name}=1" if codes else ""
        raise CapabilityError(f"this model was not trained with classes, so it takes no label{instead}")
    if condition is None:
        return None
    if not codes:
        raise CapabilityError("this model was not trained with conditions, so nothing can be given")
    return parse_codes(condition, codes, n)


def population(model: Model, dataset: Callable[[], Dataset]) -> Tensor | None:
    """What samples of a model are asked for as a rule, for batch-norm statistics of truncated latents.

    Args:
        model: any model.
        dataset: opens the data where theirs is needed.

    Returns:
        Conditions of test examples ``(POPULATION, ...)``; None where nobody needs to be told: of models
        without running statistics, and of those that are told classes or nothing.
    """
    from genus.core.model import Samples
    from genus.data.conditioned import conditions_in_turn
    from genus.layers.batch_norm_statistics import batch_norms

    conditioned = isinstance(model, Samples) and model.conditional and model.spec.condition is not None
    return conditions_in_turn(dataset().test, POPULATION) if conditioned and batch_norms(model) else None


def default_condition(model: Model, n: int, dataset: Callable[[], Dataset]) -> Tensor | None:
    """What ``n`` samples are asked for when nobody says: classes, or conditions of test examples, in turn.

    Args:
        model: any model.
        n: how many samples.
        dataset: opens the data where conditions of theirs are needed.
    """
    import torch

    from genus.core.model import Samples
    from genus.data.conditioned import conditions_in_turn

    if not isinstance(model, Samples) or not model.conditional:
        return None
    if model.spec.condition is None:
        return torch.arange(n) % model.spec.num_classes
    return conditions_in_turn(dataset().test, n)
