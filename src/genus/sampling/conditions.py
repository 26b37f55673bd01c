"""Conditions of samples: as a user requests them, or those of the data in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from genus.core.errors import CapabilityError

if TYPE_CHECKING:
    from torch import Tensor

    from genus.core.batch import Condition
    from genus.core.model import Model
    from genus.data.dataset import Dataset
    from genus.sampling.parse_condition import ConditionWords

MANY = 1000
"""Conditions that stand for all those of the data."""


def requested_condition(
    model: Model,
    n: int,
    label: int | str | None,
    condition: ConditionWords | None,
    dataset: Callable[[], Dataset],
) -> Condition | None:
    """Conditions of ``n`` samples, in the words of :func:`genus.sample`.

    Args:
        model: any model.
        n: how many samples.
        label: a class, by name or number; the same as ``condition`` for models of classes.
        condition: see :func:`genus.sample`.
        dataset: opens the data where conditions of theirs are needed.

    Returns:
        Conditions ``(n, …)``, codes ``(n, size)`` with NaN for those drawn at random, or None for a model
        without condition or whose codes are all drawn.

    Raises:
        CapabilityError: when the model has no such condition.
        InputError: for an unknown class, or a condition or code that does not fit.
    """
    from genus.core.capabilities import Samples
    from genus.data.paired import conditions_in_turn
    from genus.sampling.parse_condition import parse_condition

    space = model.spec.condition
    if not isinstance(model, Samples) or not model.conditional or space is None:
        return _requested_codes(model, label, condition, n)
    if label is None and condition is None:
        return default_condition(model, n, dataset)
    if label is not None:
        if space.kind != "class":
            raise CapabilityError(
                f"this model has no classes; it is conditioned on {space.describe()}: use condition"
            )
        condition = str(label)
    assert condition is not None
    return parse_condition(condition, space, n, lambda: conditions_in_turn(dataset().test, n))


def _requested_codes(
    model: Model, label: int | str | None, condition: ConditionWords | None, n: int
) -> Tensor | None:
    """Codes of ``n`` samples of a model without conditions that come with the data."""
    from genus.core.capabilities import Samples
    from genus.sampling.parse_condition import parse_codes

    codes = model.codes if isinstance(model, Samples) else None
    if label is not None:
        instead = "" if codes is None else f"; it has codes: use condition, such as {codes.columns[0].name}=1"
        raise CapabilityError(f"this model was not trained with classes, so it takes no label{instead}")
    if condition is None:
        return None
    if codes is None:
        raise CapabilityError("this model was not trained with conditions, so it takes none")
    return parse_codes(condition, codes, n)


def typical_conditions(model: Model, dataset: Callable[[], Dataset]) -> Condition | None:
    """Many conditions of the data, over which batch-norm statistics of truncated latents are collected.

    Args:
        model: any model.
        dataset: opens the data where theirs are needed.

    Returns:
        Conditions of test examples ``(MANY, …)``; None for models without running statistics, and for those
        that are conditioned on classes or on nothing.
    """
    from genus.core.capabilities import Samples
    from genus.data.paired import conditions_in_turn
    from genus.layers.batch_norm_statistics import batch_norms

    space = model.spec.condition
    if not isinstance(model, Samples) or not model.conditional or space is None or space.kind == "class":
        return None
    return conditions_in_turn(dataset().test, MANY) if batch_norms(model) else None


def default_condition(model: Model, n: int, dataset: Callable[[], Dataset]) -> Condition | None:
    """Conditions of ``n`` samples when none are requested: classes, or those of test examples, in turn.

    Args:
        model: any model.
        n: how many samples.
        dataset: opens the data where conditions of theirs are needed.
    """
    import torch

    from genus.core.capabilities import Samples
    from genus.data.paired import conditions_in_turn

    space = model.spec.condition
    if not isinstance(model, Samples) or not model.conditional or space is None:
        return None
    if space.kind == "class":
        return torch.arange(n) % model.spec.num_classes
    return conditions_in_turn(dataset().test, n)
