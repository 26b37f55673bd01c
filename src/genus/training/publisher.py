"""The publisher of a training: scores, sample sheets and checkpoints, when they are due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.nn import Parameter

from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.train_settings import TrainSettings
from genus.layers.batch_norm_statistics import batch_norms
from genus.training.callbacks import Listeners
from genus.training.checkpoints import Checkpoint, prune
from genus.training.clock import Clock, Every
from genus.training.devices import from_first
from genus.training.durable import writing
from genus.training.ema import recalibrate
from genus.training.run import Run
from genus.training.state import TrainingState
from genus.training.update import Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CALIBRATION_BATCHES = 48
"""Forward passes behind the batch-norm statistics of averaged weights; a mean of independent
values is then right to σ/√(48 · batch)."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Functions that training calls on the model to be published.

    Args:
        sample: writes a sample sheet to the path.
        score: measures; the first score is the one to watch, and lower is better.
    """

    sample: Callable[[Model, Path], None] | None = None
    score: Callable[[Model], Mapping[str, float]] | None = None


class Publisher:
    """Scores, shows and saves a model whenever that is due, and remembers the best.

    Args:
        state: of the training, of which checkpoints are snapshots.
        run: where everything is kept.
        settings: the recipe's ``train``.
        fabric: its first rank publishes.
        hooks: sampling and scoring.
        listeners: callbacks that receive it.
    """

    def __init__(
        self,
        state: TrainingState,
        run: Run,
        settings: TrainSettings,
        fabric: Fabric,
        hooks: Hooks,
        listeners: Listeners,
    ) -> None:
        self._state, self._run, self._hooks, self._listeners = state, run, hooks, listeners
        self._settings, self._fabric = settings, fabric
        self.best: dict[str, Any] | None = None
        self.waited = 0
        self._start()

    @property
    def _clock(self) -> Clock:
        return self._state.stage_progress.clock

    @property
    def stops_early(self) -> bool:
        """Whether as many scores in a row were no better as the recipe has patience for."""
        return self._settings.patience is not None and self.waited >= self._settings.patience

    @property
    def saved_at(self) -> int:
        """Iteration of the last checkpoint, −1 for none."""
        return self._saves.done_at

    def publish(self, *, over: bool, stop: bool) -> None:
        """Score, show and save what is due.

        Args:
            over: everything once more, because training ends.
            stop: save, because a stop was requested.
        """
        clock = self._clock
        score, sample, save = (
            (event.due(clock) or (forced and event.enabled)) and event.done_at != clock.iteration
            for event, forced in (
                (self._scores, over),
                (self._samples, over),
                (self._saves, over or stop),
            )
        )
        if score or sample or save:
            self._calibrate()
            if score:
                self._score()
            if sample:
                self._sample()
            if save:
                self._save()
            self._state.model.train()

    def settle(self, parameters: Sequence[Parameter]) -> None:
        """Leave behind the average of what a stage has finished, with its batch-norm statistics.

        Args:
            parameters: what no later stage trains.
        """
        if self._state.average is not None and parameters:
            self._calibrate()
            self._state.average.give_back(parameters)

    def snapshot(self) -> Checkpoint:
        """The state of the training, and which of its models was the best."""
        mine = {
            "best": self.best,
            "waited": self.waited,
            "scored": self._scores.done_at,
            "sampled": self._samples.done_at,
        }
        return self._state.snapshot(mine)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint's state, with a clock that stands there."""
        self._start()
        self.best, self.waited = state["best"], state["waited"]
        self._scores.done_at, self._samples.done_at = state["scored"], state["sampled"]
        self._saves.done_at = self._clock.iteration
        if self._fabric.is_global_zero:
            self._run.mark_best(self.best)

    def _start(self) -> None:
        clock, settings = self._clock, self._settings
        scored = settings.score_every if self._hooks.score else None
        self._scores, self._samples, self._saves = (
            Every(every, clock, self._state.stage_progress.num_examples)
            for every in (scored, settings.sample_every, settings.save_every)
        )

    def _calibrate(self) -> None:
        """Bring the averaged model's buffers up to date; recompute its batch-norm statistics."""
        average, stage_progress = self._state.average, self._state.stage_progress
        if average is None:
            return
        average.copy_buffers()
        model = average.model
        if not batch_norms(model):
            return
        stage = model.stages()[stage_progress.clock.stage]
        updater = Updater(model, self._fabric, accumulate=1, clip=None)
        items = stage_progress.loader("calibrate").iterate(0)

        def once(number: int) -> None:
            share = Share.of(next(items), self._fabric.device)
            for phase in stage.phases:
                updater.forward(phase, share, seed=derive_seed(self._settings.seed, "calibrate", number))

        recalibrate(model, [lambda i=i: once(i) for i in range(CALIBRATION_BATCHES)])

    def _sample(self) -> None:
        self._samples.done_at = self._clock.iteration
        if self._hooks.sample is not None and self._fabric.is_global_zero:
            path = self._run.samples / f"{self._clock.iteration:08d}.png"
            with writing(path):
                self._hooks.sample(self._state.published, path)
            self._listeners.tell(lambda callback, moment: callback.sampled(moment, path))

    def _score(self) -> None:
        iteration = self._scores.done_at = self._clock.iteration
        if self._hooks.score is None:
            return
        first = self._fabric.is_global_zero
        scores = from_first(self._fabric, self._hooks.score(self._state.published) if first else {})
        if not scores:
            return
        self._listeners.tell(lambda callback, moment: callback.scored(moment, scores))
        metric, value = next(iter(scores.items()))
        if self.best is not None and value >= self.best["value"]:
            self.waited += 1
            return
        self.best = {"metric": metric, "value": value, "iteration": iteration}
        self.waited = 0
        self._save()
        if first:
            self._run.mark_best(self.best)

    def _save(self) -> None:
        if self._saves.done_at == self._clock.iteration:
            return
        if self._fabric.is_global_zero:
            path = self._run.save(self.snapshot())
            prune(path, self._settings.keep, protected=self.best["iteration"] if self.best else None)
        self._fabric.barrier()
        self._saves.done_at = self._clock.iteration
