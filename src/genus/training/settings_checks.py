"""Checks that the settings of a training fit the phases of its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genus.core.errors import RecipeError
from genus.core.model import Model
from genus.core.recipe import default_optimizer
from genus.core.train_settings import TrainSettings
from genus.training.minimum_batch import refuse_small_batches
from genus.training.stage_progress import StageProgress


def refuse_unfit_settings(
    model: Model,
    stage_progress: StageProgress,
    settings: TrainSettings,
    optimizer: Mapping[str, Any],
    examples: int,
    world: int,
) -> None:
    """Refuse unknown optimiser groups, optimisers of closed forms, small batches and splits of whole ones.

    Args:
        model: that is trained.
        stage_progress: its stages, and the batches they take.
        settings: the recipe's ``train``.
        optimizer: the recipe's resolved ``optimizer``.
        examples: of the training data.
        world: number of processes.

    Raises:
        RecipeError: saying what to set instead.
    """
    phases = [phase for stage in stage_progress.stages for phase in stage.phases]
    known = sorted({group for phase in phases for group in phase.updates})
    for group in optimizer.get("groups", {}):
        if group not in (*known, *model.groups_elsewhere):
            raise RecipeError(f"optimizer.groups.{group}: this model's groups are {', '.join(known)}")
    if not model.optimised and (unused := _for_optimisers(optimizer, settings)):
        raise RecipeError(
            f"{unused}: {type(model).__name__} is fitted in closed form and no optimiser moves it; "
            "leave it out"
        )
    refuse_small_batches(
        model.minimum_batch(),
        settings,
        examples=examples,
        smallest=stage_progress.smallest_batch,
        world=world,
    )
    split = settings.accumulate > 1 or world > 1
    for phase in phases:
        if phase.whole_batch and split:
            raise RecipeError(
                f"phase {phase.name!r} needs its whole batch at once: set train.accumulate=1 "
                "and train in one process"
            )


def _for_optimisers(optimizer: Mapping[str, Any], settings: TrainSettings) -> str:
    """Names of the settings that need an optimiser."""
    asked = {
        "optimizer": optimizer != default_optimizer(),
        "train.clip": settings.clip is not None,
        "train.warmup": settings.warmup > 0,
        "train.schedule": settings.schedule not in ("constant", {"name": "constant"}),
    }
    return ", ".join(name for name, is_set in asked.items() if is_set)
