"""The state of a training: everything that it changes and a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from genus.core.model import Model
from genus.training.adjustment import Adjustment
from genus.training.checkpoints import Checkpoint, load_weights
from genus.training.clock import Clock
from genus.training.ema import Average
from genus.training.groups import Group
from genus.training.optimizer_state import optimizer_tensors, restore_optimizers
from genus.training.stage_progress import StageProgress


class TrainingState:
    """Weights, their averages, optimisers, the clock and the adjustment of steps.

    Args:
        model: that is trained.
        average: its averaged weights, or None.
        stage_progress: where training stands.
        fingerprint: of the data.
    """

    def __init__(
        self, model: Model, average: Average | None, stage_progress: StageProgress, fingerprint: str
    ) -> None:
        self.model, self.average, self.stage_progress = model, average, stage_progress
        self.groups: dict[str, Group] = {}
        self.adjustment = Adjustment()
        self._fingerprint = fingerprint

    @property
    def published(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self.average.model if self.average is not None else self.model

    def snapshot(self, more: Mapping[str, Any]) -> Checkpoint:
        """Everything needed to continue from here, and ``more`` that is plain values."""
        tensors = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_tensors({n: g.optimizer for n, g in self.groups.items()}),
        }
        if self.average is not None:
            tensors["ema"] = self.average.model.state_dict()
        state = {
            "clock": asdict(self.stage_progress.clock),
            **more,
            "adjustment": self.adjustment.to_json(),
            "optimizers": {name: type(group.optimizer).__name__ for name, group in self.groups.items()},
            "fingerprint": self._fingerprint,
        }
        return Checkpoint(tensors, state, self.stage_progress.clock.iteration)

    def restore_weights(self, checkpoint: Checkpoint) -> None:
        """Take over weights, averages and the clock.

        Raises:
            CheckpointError: when they belong to another model.
        """
        load_weights(self.model, checkpoint, "model")
        if self.average is not None:
            load_weights(self.average.model, checkpoint, "ema")
        self.stage_progress.start(Clock(**checkpoint.state["clock"]))

    def restore_optimizers(self, checkpoint: Checkpoint) -> None:
        """Take over what the optimisers of the groups remember.

        Raises:
            CheckpointError: when it belongs to other optimisers.
        """
        optimizers = {name: group.optimizer for name, group in self.groups.items()}
        restore_optimizers(optimizers, checkpoint.tensors["optimizer"], checkpoint.state["optimizers"])
