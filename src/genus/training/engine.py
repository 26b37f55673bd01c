"""The one training loop: executes the stages of any model, and never asks which model it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from genus.core.binder import bind, build
from genus.core.errors import CheckpointError, NonFiniteError, RecipeError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.phase import Averages, Phase, Progress, Stage
from genus.core.recipe import TrainSettings
from genus.data.loader import Item, Loader
from genus.data.source import Source
from genus.training.callbacks import Callback, Moment, log_line
from genus.training.checkpoints import Checkpoint, prune, writing
from genus.training.clock import Clock, Every
from genus.training.doctor.doctor import Doctor
from genus.training.doctor.finding import Finding
from genus.training.doctor.treatment import Treatment
from genus.training.ema import Average, batch_norms, recalibrate
from genus.training.interrupts import Interrupts
from genus.training.optimizer_state import optimizer_tensors, restore_optimizers
from genus.training.run import Run
from genus.training.update import Group, Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_Value = TypeVar("_Value")

CALIBRATION_BATCHES = 48
"""Forward passes behind the batch-norm statistics of averaged weights; a mean of independent
values is then right to σ/√(48 · batch)."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What the engine calls on the model it would publish.

    Args:
        sample: writes a sample sheet to the path.
        score: measures; the first score is the one to watch, and lower is better.
    """

    sample: Callable[[Model, Path], None] | None = None
    score: Callable[[Model], Mapping[str, float]] | None = None


class Interrupted(Exception):
    """Training was asked to stop; everything is saved."""


class Engine:
    """Trains a model and keeps its run.

    Args:
        model: built for ``source.spec``.
        source: the training examples.
        run: where everything is kept.
        settings: the recipe's ``train``.
        optimizer: the recipe's resolved ``optimizer``.
        fabric: from :func:`genus.training.devices.launch`.
        callbacks: listeners; rank 0 only.
        hooks: sampling and scoring.
        doctor: watches the run; rank 0 only.

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
        doctor: Doctor | None = None,
    ) -> None:
        self.fabric, self.settings, self.source, self.run = fabric, settings, source, run
        self.model = model.to(fabric.device)
        if settings.channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model, settings.ema) if settings.ema else None
        self.optimizer = dict(optimizer)
        self.callbacks = list(callbacks) if fabric.is_global_zero else []
        self.hooks = hooks or Hooks()
        self.doctor = doctor if fabric.is_global_zero else None
        self.treatment = Treatment()
        self.stages = list(self.model.stages())
        self.updater = Updater(self.model, fabric, accumulate=settings.accumulate, clip=settings.clip)
        self.groups: dict[str, Group] = {}
        self.best: dict[str, Any] | None = None
        self.waited = 0
        self._stop = False
        self._schedule = bind("schedule", settings.schedule)
        self._start_clock(Clock())
        self._check()

    @property
    def published(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self.average.model if self.average is not None else self.model

    def fit(self) -> None:
        """Train to the end of the last stage.

        Raises:
            Interrupted: after a first Ctrl-C, when everything is saved.
            NonFiniteError: when a loss or gradient is not finite; nothing broken is saved.
        """
        self._tell(lambda callback, moment: callback.started(self.run, moment))
        if self.doctor is not None:
            self.doctor.begin(self.run.log_lines(), self.clock.iteration, self.treatment)
        with Interrupts() as interrupts:
            try:
                while self._run_stage(interrupts) and self.clock.stage + 1 < len(self.stages):
                    self.clock.next_stage()
                    self.groups = {}
                    self._plan_stage()
                self._publish()
            except NonFiniteError as error:
                self._fail(str(error))
                raise
            finally:
                self._tell(lambda callback, moment: callback.finished(moment))

    # --- stages and iterations -------------------------------------------------------------

    def _run_stage(self, interrupts: Interrupts) -> bool:
        """Run the current stage to its end; False when early stopping ended the run."""
        stage = self.stages[self.clock.stage]
        if not self.groups:
            self._enter_stage()
        self.model.train()
        items = self._loader.iterate(self.clock.position)
        try:
            while self._fraction() < 1:
                if self._stops_early():
                    return False
                start = (time.perf_counter(), time.process_time())
                values = self._iterate(stage, items)
                spent = (time.perf_counter() - start[0], time.process_time() - start[1])
                # Rank 0's clock and signals count for all, so that all do the same.
                spent, self._stop = self._from_first((spent, interrupts.requested))
                self.clock.passed(*spent)
                self._report(values)
                self._publish()
        finally:
            items.close()  # type: ignore[attr-defined]  # a generator: stops its workers
        return True

    def _iterate(self, stage: Stage, items: Iterator[Item]) -> dict[str, float]:
        """Run every phase that is due once; repeats take fresh batches, phases share them."""
        progress = self._progress()
        if stage.tick is not None:
            stage.tick(progress)
        rate = self._rate_factor(progress)
        for group in self.groups.values():
            group.scale_rate(rate * self.treatment.rate(group.name))
        batches: list[Item] = []
        values: dict[str, float] = {}
        for phase in stage.phases:
            if self.clock.stage_iteration % phase.every:
                continue
            for repeat in range(phase.times(progress)):
                if repeat == len(batches):
                    batches.append(self._fetch(items))
                averages = self._update(phase, batches[repeat], repeat)
                values.update({f"{phase.name}/{name}": v for name, v in averages.items()})
        if self.average is not None:
            self.average.update(self.clock.iteration)
        self.clock.iteration += 1
        self.clock.stage_iteration += 1
        return values

    def _fetch(self, items: Iterator[Item]) -> Item:
        item = next(items)
        self.clock.position += 1
        self.clock.samples += item.total
        self.clock.stage_samples += item.total
        return item

    def _update(self, phase: Phase, item: Item, repeat: int) -> Averages:
        groups = [self.groups[name] for name in phase.updates]
        seed = derive_seed(self.settings.seed, phase.name, self.clock.iteration, repeat)
        progress = self._progress(item)
        try:
            return self.updater.run(phase, groups, self._share(item), seed=seed, progress=progress)
        except NonFiniteError as error:
            saved = self._saves.done_at
            last = f"the last checkpoint is of iteration {saved}" if saved >= 0 else "no checkpoint yet"
            raise NonFiniteError(f"iteration {self.clock.iteration + 1}, {error} ({last})") from None

    def _share(self, item: Item) -> Share:
        batch = item.batch.to(self.fabric.device)
        return Share(batch=batch, start=item.start, total=item.total)

    # --- after an iteration ----------------------------------------------------------------

    def _report(self, values: Averages) -> None:
        logs = self.clock.iteration % self.settings.log_every == 0 or self.clock.iteration <= 5
        if self.callbacks:
            moment = self._moment()
            for callback in self.callbacks:
                callback.stepped(moment)
                if logs:
                    callback.logged(moment, values)
        if logs:
            self._examine(values)

    def _examine(self, values: Averages) -> None:
        """Let the doctor hear what is logged, and do what it orders."""
        if self.doctor is not None:
            found, orders = self.doctor.hear(log_line(self._moment(), {"losses": dict(values)}))
            self._announce(found)
            for order in orders:
                self._tell(lambda callback, moment, says=order.says: callback.treated(moment, says))
        if self.settings.doctor == "act":
            self._treat(self._from_first(self.doctor.treatment if self.doctor else self.treatment))

    def _treat(self, treatment: Treatment) -> None:
        """Train on with other rates and bounds of the gradient than the recipe's."""
        self.treatment = treatment
        self.updater.clip = treatment.clipped(self.settings.clip)

    def _announce(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._tell(lambda callback, moment, finding=finding: callback.found(moment, finding))

    def _fail(self, reason: str) -> None:
        """Log why training stops, as of the iteration that could not be done."""
        moment = replace(self._moment(), iteration=self.clock.iteration + 1)
        for callback in self.callbacks:
            callback.failed(moment, reason)
        if self.doctor is not None:
            found, _ = self.doctor.hear(log_line(moment, {"failure": reason}))
            self._announce(found)

    def _publish(self) -> None:
        """Score, show and save what is due; everything once more at the end of training."""
        over = self._is_over()
        if self._looks.due(self.clock) or (over and self._looks.done_at != self.clock.iteration):
            self._look()
        score, sample, save = (
            (event.due(self.clock) or (asked and event.enabled)) and event.done_at != self.clock.iteration
            for event, asked in (
                (self._scores, over),
                (self._samples, over),
                (self._saves, over or self._stop),
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
            self.model.train()
        if self._stop and not over:
            raise Interrupted

    def _calibrate(self) -> None:
        """Bring the averaged model's buffers up to date; recompute its batch-norm statistics."""
        if self.average is None:
            return
        self.average.copy_buffers()
        model = self.average.model
        if not batch_norms(model):
            return
        stage = model.stages()[self.clock.stage]
        updater = Updater(model, self.fabric, accumulate=1, clip=None)
        items = self._make_loader("calibrate").iterate(0)

        def once(number: int) -> None:
            share = self._share(next(items))
            for phase in stage.phases:
                updater.forward(phase, share, seed=derive_seed(self.settings.seed, "calibrate", number))

        recalibrate(model, [lambda i=i: once(i) for i in range(CALIBRATION_BATCHES)])

    def _look(self) -> None:
        """Let the doctor see samples of the model as it is trained: averaging would cost more passes."""
        self._looks.done_at = self.clock.iteration
        if self.doctor is not None:
            moment = self._moment()
            self._announce(
                self.doctor.look(
                    self.model,
                    iteration=moment.iteration,
                    fraction=moment.fraction,
                    seconds=moment.seconds,
                )
            )

    def _sample(self) -> None:
        self._samples.done_at = self.clock.iteration
        if self.hooks.sample is not None and self.fabric.is_global_zero:
            path = self.run.samples / f"{self.clock.iteration:08d}.png"
            with writing(path):
                self.hooks.sample(self.published, path)
            self._tell(lambda callback, moment: callback.sampled(moment, path))

    def _score(self) -> None:
        self._scores.done_at = self.clock.iteration
        if self.hooks.score is None:
            return
        first = self.fabric.is_global_zero
        scores = self._from_first(self.hooks.score(self.published) if first else {})
        if not scores:
            return
        self._tell(lambda callback, moment: callback.scored(moment, scores))
        metric, value = next(iter(scores.items()))
        if self.best is not None and value >= self.best["value"]:
            self.waited += 1
            return
        self.best = {"metric": metric, "value": value, "iteration": self.clock.iteration}
        self.waited = 0
        self._save()
        if first:
            self.run.mark_best(self.best)

    def _save(self) -> None:
        if self._saves.done_at == self.clock.iteration:
            return
        if self.fabric.is_global_zero:
            path = self.run.save(self.checkpoint())
            prune(path, self.settings.keep, protected=self.best["iteration"] if self.best else None)
        self.fabric.barrier()
        self._saves.done_at = self.clock.iteration

    # --- state -----------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything needed to continue from here."""
        tensors = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_tensors({n: g.optimizer for n, g in self.groups.items()}),
        }
        if self.average is not None:
            tensors["ema"] = self.average.model.state_dict()
        state = {
            "clock": asdict(self.clock),
            "best": self.best,
            "waited": self.waited,
            "treatment": self.treatment.to_json(),
            "scored": self._scores.done_at,
            "sampled": self._samples.done_at,
            "optimizers": {name: type(group.optimizer).__name__ for name, group in self.groups.items()},
            "fingerprint": self.run.fingerprint,
        }
        return Checkpoint(tensors, state, self.clock.iteration)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue where a checkpoint was saved, bit for bit on CPU.

        Raises:
            CheckpointError: when it belongs to another model or other optimisers.
        """
        state = checkpoint.state
        load_weights(self.model, checkpoint, "model")
        if self.average is not None:
            load_weights(self.average.model, checkpoint, "ema")
        self._start_clock(Clock(**state["clock"]))
        self.best, self.waited = state["best"], state["waited"]
        self._scores.done_at, self._samples.done_at = state["scored"], state["sampled"]
        if self.settings.doctor == "act":  # else what was done before is undone
            self._treat(Treatment.from_json(state.get("treatment")))
        self._saves.done_at = self.clock.iteration
        self._enter_stage()
        optimizers = {name: group.optimizer for name, group in self.groups.items()}
        restore_optimizers(optimizers, checkpoint.tensors["optimizer"], state["optimizers"])
        if self.fabric.is_global_zero:
            self.run.mark_best(self.best)

    def _start_clock(self, clock: Clock) -> None:
        self.clock = clock
        size = len(self.source)
        self._scores = Every(self.settings.score_every if self.hooks.score else None, clock, size)
        self._samples = Every(self.settings.sample_every, clock, size)
        self._saves = Every(self.settings.save_every, clock, size)
        tenth = str(Length.parse(self.settings.length).scaled(0.1))
        self._looks = Every(self.settings.doctor_every or tenth, clock, size)
        self._plan_stage()

    def _plan_stage(self) -> None:
        stage = self.stages[self.clock.stage]
        self._length, self._loader = self._stage_length(stage), self._make_loader("order", stage.name)

    def _enter_stage(self) -> None:
        enter = self.stages[self.clock.stage].enter
        if enter is not None:
            enter()
        self._make_groups()

    def _make_groups(self) -> None:
        base = {k: v for k, v in self.optimizer.items() if k != "groups"}
        self.groups = {}
        for phase in self.stages[self.clock.stage].phases:
            for name, parameters in phase.updates.items():
                if name not in self.groups:
                    own = {**base, **self.optimizer.get("groups", {}).get(name, {})}
                    chosen = list(parameters())
                    try:
                        self.groups[name] = Group(name, chosen, build("optimizer", own, chosen))
                    except ValueError as error:  # torch's own check of rates and decays
                        raise RecipeError(f"optimizer of group {name!r}: {error}") from None

    def _make_loader(self, *keys: str) -> Loader:
        return Loader(
            self.source,
            self.settings.batch,
            seed=derive_seed(self.settings.seed, *keys),
            rank=self.fabric.global_rank,
            world=self.fabric.world_size,
            workers=self.settings.workers if "order" in keys else 0,
        )

    def _check(self) -> None:
        phases = [phase for stage in self.stages for phase in stage.phases]
        known = sorted({group for phase in phases for group in phase.updates})
        for group in self.optimizer.get("groups", {}):
            if group not in known:
                raise RecipeError(f"optimizer.groups.{group}: this model's groups are {', '.join(known)}")
        split = self.settings.accumulate > 1 or self.fabric.world_size > 1
        for phase in phases:
            if phase.whole_batch and split:
                raise RecipeError(
                    f"phase {phase.name!r} needs its whole batch at once: set train.accumulate=1 "
                    "and train in one process"
                )

    # --- where we are ----------------------------------------------------------------------

    def _stage_length(self, stage: Stage) -> Length:
        if stage.length is not None:
            return stage.length
        shares = sum(s.share for s in self.stages if s.length is None)
        return Length.parse(self.settings.length).scaled(stage.share / shares)

    def _fraction(self) -> float:
        return self.clock.stage_fraction(self._length, self._loader.batches_per_epoch)

    def _rate_factor(self, progress: Progress) -> float:
        factor = float(self._schedule(progress.fraction))
        if self.settings.warmup:
            factor *= min(1.0, (self.clock.iteration + 1) / self.settings.warmup)
        return factor

    def _progress(self, item: Item | None = None) -> Progress:
        epoch = self.clock.position // self._loader.batches_per_epoch
        return Progress(
            iteration=self.clock.iteration,
            stage_iteration=self.clock.stage_iteration,
            samples=self.clock.samples,
            epoch=item.epoch if item is not None else epoch,
            fraction=min(self._fraction(), 1.0),
            ends_epoch=item is not None and item.ends_epoch,
        )

    def _moment(self) -> Moment:
        shares = [stage.share for stage in self.stages]
        within = min(self._fraction(), 1.0) * shares[self.clock.stage]
        return Moment(
            iteration=self.clock.iteration,
            samples=self.clock.samples,
            stage=self.stages[self.clock.stage].name,
            fraction=(sum(shares[: self.clock.stage]) + within) / sum(shares),
            seconds=self.clock.seconds,
            cpu_seconds=self.clock.cpu_seconds,
        )

    def _stops_early(self) -> bool:
        return self.settings.patience is not None and self.waited >= self.settings.patience

    def _is_over(self) -> bool:
        last = self.clock.stage + 1 == len(self.stages)
        return self._stops_early() or (last and self._fraction() >= 1)

    def _from_first(self, value: _Value) -> _Value:
        """Rank 0's value, on every rank."""
        return value if self.fabric.world_size == 1 else self.fabric.broadcast(value)

    def _tell(self, say: Callable[[Callback, Moment], None]) -> None:
        moment = self._moment()
        for callback in self.callbacks:
            say(callback, moment)


def load_weights(model: Model, checkpoint: Checkpoint, stem: str) -> None:
    """Fill a model with the ``model`` or ``ema`` weights of a checkpoint.

    Raises:
        CheckpointError: when they are missing or of another model.
    """
    tensors = checkpoint.tensors.get(stem)
    if tensors is None:
        raise CheckpointError(f"checkpoint {checkpoint.number} has no {stem!r} weights: train.ema differs")
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(f"checkpoint {checkpoint.number} is of another model: {error}") from error
