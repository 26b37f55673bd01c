"""The one training loop: executes the stages of any model, and never asks which model it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genus.core.errors import NonFiniteError
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.phase import Averages, Phase
from genus.core.train_settings import TrainSettings
from genus.data.loader import Item
from genus.data.source import Source
from genus.training.adjustment import Adjustment
from genus.training.callbacks import Callback, Listeners, Moment, StepAdjuster
from genus.training.checkpoints import Checkpoint
from genus.training.devices import from_first, placed
from genus.training.ema import Average
from genus.training.groups import Group, make_groups
from genus.training.interrupts import Interrupts
from genus.training.publisher import Hooks, Publisher
from genus.training.run import Run
from genus.training.run_lock import locked
from genus.training.settings_checks import refuse_unfit_settings
from genus.training.stage_progress import StageProgress
from genus.training.state import TrainingState
from genus.training.update import Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Interrupted(Exception):
    """Training stopped on request; everything is saved."""


class Engine:
    """Trains a model and keeps its run.

    Args:
        model: built for ``source.spec``.
        source: the training examples.
        run: where everything is kept.
        settings: the recipe's ``train``.
        optimizer: the recipe's resolved ``optimizer``.
        fabric: from :func:`genus.training.devices.launch`.
        callbacks: listeners, called on rank 0 only; the same on every rank. At most one may adjust steps.
        hooks: sampling and scoring.

    Raises:
        RecipeError: when the settings do not fit the model's phases.
    """

    def __init__(
        self,
        model: Model,
        source: Source,
        run: Run,
        *,
        settings: TrainSettings,
        optimizer: Mapping[str, Any],
        fabric: Fabric,
        callbacks: Sequence[Callback] = (),
        hooks: Hooks | None = None,
    ) -> None:
        self.fabric, self.settings, self.source, self.run = fabric, settings, source, run
        self.model = placed(model, fabric.device, in_channels_last=settings.channels_last)
        average = Average(self.model, settings.ema) if settings.ema else None
        self.optimizer = dict(optimizer)
        self.stage_progress = StageProgress(self.model.stages(), source, settings, fabric)
        self.state = TrainingState(self.model, average, self.stage_progress, run.fingerprint)
        self.listeners = Listeners(callbacks if fabric.is_global_zero else (), self.stage_progress.moment)
        self.adjuster = next((c for c in callbacks if isinstance(c, StepAdjuster) and c.adjusts), None)
        self.publisher = Publisher(self.state, run, settings, fabric, hooks or Hooks(), self.listeners)
        self.updater = Updater(self.model, fabric, accumulate=settings.accumulate, clip=settings.clip)
        self._stop = False
        refuse_unfit_settings(
            self.model, self.stage_progress, settings, self.optimizer, len(source), fabric.world_size
        )

    @property
    def published(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self.state.published

    @property
    def groups(self) -> dict[str, Group]:
        """Optimiser groups of the present stage, by name."""
        return self.state.groups

    def fit(self) -> None:
        """Train to the end of the last stage.

        Raises:
            BusyError: when another process trains this run.
            Interrupted: after a first Ctrl-C, when everything is saved.
            NonFiniteError: when a loss or gradient is not finite; nothing broken is saved.
        """
        with locked(self.run.path), Interrupts() as interrupts:
            self.listeners.tell(lambda callback, moment: callback.started(self.run, moment))
            try:
                while self._run_stage(interrupts) and not self.stage_progress.is_last:
                    self._settle()
                    self.stage_progress.next_stage()
                    self.state.groups = {}
                self._publish()
            except NonFiniteError as error:
                self._fail(str(error))
                raise
            finally:
                self.listeners.tell(lambda callback, moment: callback.finished(moment))

    # --- stages and iterations -------------------------------------------------------------

    def _run_stage(self, interrupts: Interrupts) -> bool:
        """Run the current stage to its end; False when early stopping ended the run."""
        if not self.groups:
            self._enter_stage()
        self.model.train()
        items = self.stage_progress.batches()
        try:
            while self.stage_progress.fraction < 1:
                if self.publisher.stops_early:
                    return False
                start = (time.perf_counter(), time.process_time())
                values = self._iterate(items)
                spent = (time.perf_counter() - start[0], time.process_time() - start[1])
                # Rank 0's clock and signals count for all, so that all do the same.
                spent, self._stop = from_first(self.fabric, (spent, interrupts.requested))
                self.stage_progress.clock.passed(*spent)
                self._report(values)
                self._publish()
        finally:
            items.close()  # type: ignore[attr-defined]  # a generator: stops its workers
        return True

    def _enter_stage(self) -> None:
        enter = self.stage_progress.stage.enter
        if enter is not None:
            enter()
        self._make_groups()

    def _make_groups(self) -> None:
        self.state.groups = make_groups(self.stage_progress.stage, self.optimizer)
        self.updater.optimizers = {p: g.optimizer for g in self.groups.values() for p in g.parameters}

    def _settle(self) -> None:
        """Later stages build on the average of what this one has finished, and it stays so."""
        later = {id(parameter) for parameter in self.stage_progress.later_parameters()}
        mine = [p for group in self.groups.values() for p in group.parameters]
        self.publisher.settle([p for p in mine if id(p) not in later])

    def _iterate(self, items: Iterator[Item]) -> dict[str, float]:
        """Run every phase that is due once; repeats take fresh batches, phases share them."""
        stage, clock = self.stage_progress.stage, self.stage_progress.clock
        progress = self.stage_progress.progress()
        if stage.tick is not None:
            stage.tick(progress)
        rate = self.stage_progress.rate_factor(progress)
        for group in self.groups.values():
            group.scale_rate(rate * self.state.adjustment.rate(group.name))
        batches: list[Item] = []
        values: dict[str, float] = {}
        for phase in stage.phases:
            if clock.stage_iteration % phase.every:
                continue
            for repeat in range(phase.times(progress)):
                if repeat == len(batches):
                    batches.append(self.stage_progress.fetch(items))
                averages = self._update(phase, batches[repeat], repeat)
                values.update({f"{phase.name}/{name}": v for name, v in averages.items()})
        if self.state.average is not None:
            self.state.average.update(clock.stage_iteration)
        clock.iteration += 1
        clock.stage_iteration += 1
        return values

    def _update(self, phase: Phase, item: Item, repeat: int) -> Averages:
        groups = [self.groups[name] for name in phase.updates]
        iteration = self.stage_progress.clock.iteration
        seed = derive_seed(self.settings.seed, phase.name, iteration, repeat)
        share, progress = Share.of(item, self.fabric.device), self.stage_progress.progress(item)
        try:
            return self.updater.run(phase, groups, share, seed=seed, progress=progress)
        except NonFiniteError as error:
            saved = self.publisher.saved_at
            last = f"the last checkpoint is of iteration {saved}" if saved >= 0 else "no checkpoint yet"
            raise NonFiniteError(f"iteration {iteration + 1}, {error} ({last})") from None

    # --- after an iteration ----------------------------------------------------------------

    def _report(self, values: Averages) -> None:
        iteration = self.stage_progress.clock.iteration
        logs = iteration % self.settings.log_every == 0 or iteration <= 5

        def say(callback: Callback, moment: Moment) -> None:
            callback.stepped(moment)
            if logs:
                callback.logged(moment, values)

        if self.listeners.callbacks:
            self.listeners.tell(say)
        if logs and self.adjuster is not None:  # all ranks take rank 0's
            self._adjust(from_first(self.fabric, self.adjuster.adjustment))

    def _adjust(self, adjustment: Adjustment) -> None:
        """Train on with other rates and bounds of the gradient than the recipe's."""
        self.state.adjustment = adjustment
        self.updater.clip = adjustment.clipped(self.settings.clip)

    def _publish(self) -> None:
        """Call the listeners, then score, show and save what is due; everything once more at the end."""
        over = self.publisher.stops_early or (
            self.stage_progress.is_last and self.stage_progress.fraction >= 1
        )
        if self.listeners.callbacks:
            self.listeners.tell(lambda callback, moment: callback.paused(moment, self.model, over))
        self.publisher.publish(over=over, stop=self._stop)
        if self._stop and not over:
            raise Interrupted

    def _fail(self, reason: str) -> None:
        """Log why training stops, as of the iteration that could not be done."""
        moment = replace(self.stage_progress.moment(), iteration=self.stage_progress.clock.iteration + 1)
        for callback in self.listeners.callbacks:
            callback.failed(moment, reason)

    # --- state -----------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything needed to continue from here."""
        return self.publisher.snapshot()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue where a checkpoint was saved, bit for bit on CPU.

        Raises:
            CheckpointError: when it belongs to another model or other optimisers.
        """
        self.state.restore_weights(checkpoint)
        self.publisher.restore(checkpoint.state)
        if self.adjuster is not None:  # else what was adjusted before is undone
            self._adjust(Adjustment.from_json(checkpoint.state.get("adjustment")))
            self.adjuster.adjustment = self.state.adjustment
        self._enter_stage()
        self.state.restore_optimizers(checkpoint)
