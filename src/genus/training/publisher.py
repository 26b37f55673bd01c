"""What a training gives to the world as it goes: scores, sample sheets and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.nn import Parameter

from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.recipe import TrainSettings
from genus.layers.batch_norm_statistics import batch_norms
from genus.training.callbacks import Listeners
from genus.training.checkpoints import Checkpoint, prune, writing
from genus.training.clock import Every
from genus.training.devices import from_first
from genus.training.ema import Average, recalibrate
from genus.training.run import Run
from genus.training.stage_progress import StageProgress
from genus.training.update import Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CALIBRATION_BATCHES = 48
"""Forward passes behind the batch-norm statistics of averaged weights; a mean of independent
values is then right to σ/√(48 · batch)."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What training calls on the model it would publish.

    Args:
        sample: writes a sample sheet to the path.
        score: measures; the first score is the one to watch, and lower is better.
    """

    sample: Callable[[Model, Path], None] | None = None
    score: Callable[[Model], Mapping[str, float]] | None = None


class Publisher:
    """Scores, shows and saves a model whenever that is due, and remembers the best.

    Args:
        model: the model that is trained.
        average: its averaged weights, or None.
        course: where training stands.
        num_examples: size of the training data.
        run: where everything is kept.
        settings: the recipe's ``train``.
        fabric: its first rank publishes.
        hooks: sampling and scoring.
        listeners: hear of it.
        checkpoint: everything needed to continue from here.
    """

    def __init__(
        self,
        model: Model,
        average: Average | None,
        stage_progress: StageProgress,
        num_examples: int,
        run: Run,
        *,
        settings: TrainSettings,
        fabric: Fabric,
        hooks: Hooks,
        listeners: Listeners,
        checkpoint: Callable[[], Checkpoint],
    ) -> None:
        self._model, self._average, self._course, self._run = model, average, stage_progress, run
        self._settings, self._fabric, self._hooks = settings, fabric, hooks
        self._listeners, self._checkpoint = listeners, checkpoint
        self._num_examples = num_examples
        self.best: dict[str, Any] | None = None
        self.waited = 0
        self._start()

    @property
    def model(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self._average.model if self._average is not None else self._model

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
            stop: save, because training was asked to stop.
        """
        clock = self._course.clock
        score, sample, save = (
            (event.due(clock) or (asked and event.enabled)) and event.done_at != clock.iteration
            for event, asked in (
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
            self._model.train()

    def settle(self, parameters: Sequence[Parameter]) -> None:
        """Leave behind the average of what a stage has finished, with its batch-norm statistics.

        Args:
            parameters: what no later stage trains.
        """
        if self._average is not None and parameters:
            self._calibrate()
            self._average.give_back(parameters)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "best": self.best,
            "waited": self.waited,
            "scored": self._scores.done_at,
            "sampled": self._samples.done_at,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint's state, on a course that stands there."""
        self._start()
        self.best, self.waited = state["best"], state["waited"]
        self._scores.done_at, self._samples.done_at = state["scored"], state["sampled"]
        self._saves.done_at = self._course.clock.iteration
        if self._fabric.is_global_zero:
            self._run.mark_best(self.best)

    def _start(self) -> None:
        clock, settings = self._course.clock, self._settings
        scored = settings.score_every if self._hooks.score else None
        self._scores, self._samples, self._saves = (
            Every(every, clock, self._num_examples)
            for every in (scored, settings.sample_every, settings.save_every)
        )

    def _calibrate(self) -> None:
        """Bring the averaged model's buffers up to date; recompute its batch-norm statistics."""
        if self._average is None:
            return
        self._average.copy_buffers()
        model = self._average.model
        if not batch_norms(model):
            return
        stage = model.stages()[self._course.clock.stage]
        updater = Updater(model, self._fabric, accumulate=1, clip=None)
        items = self._course.loader("calibrate").iterate(0)

        def once(number: int) -> None:
            share = Share.of(next(items), self._fabric.device)
            for phase in stage.phases:
                updater.forward(phase, share, seed=derive_seed(self._settings.seed, "calibrate", number))

        recalibrate(model, [lambda i=i: once(i) for i in range(CALIBRATION_BATCHES)])

    def _sample(self) -> None:
        self._samples.done_at = self._course.clock.iteration
        if self._hooks.sample is not None and self._fabric.is_global_zero:
            path = self._run.samples / f"{self._course.clock.iteration:08d}.png"
            with writing(path):
                self._hooks.sample(self.model, path)
            self._listeners.tell(lambda callback, moment: callback.sampled(moment, path))

    def _score(self) -> None:
        iteration = self._scores.done_at = self._course.clock.iteration
        if self._hooks.score is None:
            return
        first = self._fabric.is_global_zero
        scores = from_first(self._fabric, self._hooks.score(self.model) if first else {})
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
        if self._saves.done_at == self._course.clock.iteration:
            return
        if self._fabric.is_global_zero:
            path = self._run.save(self._checkpoint())
            prune(path, self._settings.keep, protected=self.best["iteration"] if self.best else None)
        self._fabric.barrier()
        self._saves.done_at = self._course.clock.iteration
