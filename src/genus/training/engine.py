"""The one training loop: executes the stages of any model, and never asks which model it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from genus.core.binder import bind, build
from genus.core.errors import CheckpointError, NonFiniteError, RecipeError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.phase import Phase, Progress, Stage
from genus.core.recipe import TrainSettings
from genus.data.loader import Item, Loader
from genus.data.source import Source
from genus.training.callbacks import Callback, Moment
from genus.training.checkpoints import Checkpoint, optimizer_tensors, prune, restore_optimizers
from genus.training.ema import Average, batch_norms, recalibrate
from genus.training.interrupts import Interrupts
from genus.training.run import Run
from genus.training.update import Group, Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CALIBRATION_BATCHES = 24
"""Forward passes behind the batch-norm statistics of averaged weights: enough for means within
0.02 standard deviations at batch 64 on images."""


@dataclass
class Clock:
    """Everything that counts; saved with each checkpoint.

    Args:
        iteration: iterations of the run.
        samples: examples of the data seen, over all ranks.
        seconds: training time, without scoring, sampling and saving.
        stage: index of the stage.
        stage_iteration, stage_samples, stage_seconds: the same within the stage.
        position: global batches taken in the stage.
    """

    iteration: int = 0
    samples: int = 0
    seconds: float = 0.0
    stage: int = 0
    stage_iteration: int = 0
    stage_samples: int = 0
    stage_seconds: float = 0.0
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What the engine calls on the model it would publish (averaged weights, evaluation mode).

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
    """

    def __init__(
        self,
        model: Model,
        source: Source,
        run: Run | None,
        *,
        settings: TrainSettings,
        optimizer: Mapping[str, Any],
        fabric: Fabric,
        callbacks: Sequence[Callback] = (),
        hooks: Hooks | None = None,
    ) -> None:
        self.fabric = fabric
        self.settings = settings
        self.source = source
        self.run = run
        self.model = model.to(fabric.device)
        if settings.channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model, settings.ema) if settings.ema else None
        self.optimizer = dict(optimizer)
        self.callbacks = list(callbacks) if fabric.is_global_zero else []
        self.hooks = hooks or Hooks()
        self.clock = Clock()
        self.stages = list(self.model.stages())
        self.updater = Updater(
            self.model, fabric, accumulate=settings.accumulate, clip=settings.clip
        )
        self.groups: dict[str, Group] = {}
        self.best: float | None = None
        self.waited = 0
        self._schedule = bind("schedule", settings.schedule)
        self._saved_at = -1
        self._due: dict[str, float] = {}
        self._check()

    def fit(self) -> None:
        """Train to the end of the last stage.

        Raises:
            Interrupted: after a first Ctrl-C, when everything is saved.
            NonFiniteError: when a loss or gradient is not finite; nothing broken is saved.
        """
        self._tell("started", self.run) if self.run else None
        with Interrupts() as self._interrupts:
            try:
                while self.clock.stage < len(self.stages):
                    if not self._run_stage(self.stages[self.clock.stage]):
                        break
                self._publish(last=True)
            finally:
                self._tell("finished")

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue where a checkpoint was saved, bit for bit on CPU.

        Raises:
            CheckpointError: when it belongs to another model or other data.
        """
        self._load_weights(self.model, checkpoint, "model")
        if self.average is not None:
            self._load_weights(self.average.model, checkpoint, "ema")
        state = checkpoint.state
        self.clock = Clock(**state["clock"])
        self.best, self.waited = state["best"], state["waited"]
        self._saved_at = self.clock.iteration
        if self.clock.stage < len(self.stages):
            stage = self.stages[self.clock.stage]
            self._make_groups(stage)
            restore_optimizers(self._optimizers(), checkpoint.tensors["optimizer"])

    @property
    def published(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self.average.model if self.average is not None else self.model

    def _check(self) -> None:
        names = [group for stage in self.stages for phase in stage.phases for group in phase.updates]
        for group in self.optimizer.get("groups", {}):
            if group not in names:
                raise RecipeError(f"optimizer.groups.{group}: the model's groups are {sorted(set(names))}")
        for stage in self.stages:
            for phase in stage.phases:
                split = self.settings.accumulate > 1 or self.fabric.world_size > 1
                if phase.whole_batch and split:
                    raise RecipeError(
                        f"phase {phase.name!r} needs its whole batch at once: set train.accumulate=1 "
                        "and train in one process"
                    )

    def _run_stage(self, stage: Stage) -> bool:
        """Run one stage to its end; False when early stopping ended the run."""
        self._begin(stage)
        loader = Loader(
            self.source,
            self.settings.batch,
            seed=derive_seed(self.settings.seed, "order", stage.name),
            rank=self.fabric.global_rank,
            world=self.fabric.world_size,
            workers=self.settings.workers,
        )
        length = self._length(stage)
        items = loader.iterate(self.clock.position)
        try:
            while not self._agree(self._fraction(length, loader) >= 1):
                start = time.perf_counter()
                values = self._iterate(stage, items, length, loader)
                passed = time.perf_counter() - start
                self.clock.seconds += passed
                self.clock.stage_seconds += passed
                self._after_iteration(stage, values, length, loader)
                if self._stop_early():
                    return False
        finally:
            items.close()
        self._finish(stage)
        return True

    def _begin(self, stage: Stage) -> None:
        if stage.enter is not None:
            stage.enter()
            if self.average is not None and self.clock.stage_iteration == 0:
                self.average.copy_buffers()
        if self.clock.stage_iteration == 0 or not self.groups:
            self._make_groups(stage)
        self.model.train()

    def _finish(self, stage: Stage) -> None:
        self.clock.stage += 1
        if self.clock.stage < len(self.stages):
            self.clock.stage_iteration = self.clock.stage_samples = self.clock.position = 0
            self.clock.stage_seconds = 0.0
            self.groups = {}

    def _make_groups(self, stage: Stage) -> None:
        base = {k: v for k, v in self.optimizer.items() if k != "groups"}
        self.groups = {}
        for phase in stage.phases:
            for name, parameters in phase.updates.items():
                if name not in self.groups:
                    own = {**base, **self.optimizer.get("groups", {}).get(name, {})}
                    chosen = list(parameters())
                    self.groups[name] = Group(name, chosen, build("optimizer", own, chosen))

    def _iterate(
        self, stage: Stage, items: Any, length: Length, loader: Loader
    ) -> dict[str, float]:
        progress = self._progress(length, loader)
        if stage.tick is not None:
            stage.tick(progress)
        phases = [p for p in stage.phases if self.clock.stage_iteration % p.every == 0]
        needed = max((phase.repeat for phase in phases), default=1)
        batches: list[Item] = []
        factor = self._rate_factor(progress)
        for group in self.groups.values():
            group.scale_rate(factor)
        values: dict[str, float] = {}
        for phase in phases:
            for repeat in range(phase.repeat):
                if repeat == len(batches):
                    batches.append(self._fetch(items))
                averages = self._update(phase, batches[repeat], repeat, length, loader)
                values.update({f"{phase.name}/{name}": v for name, v in averages.items()})
        while len(batches) < needed:
            batches.append(self._fetch(items))
        if self.average is not None:
            self.average.update(self.clock.iteration)
        self.clock.iteration += 1
        self.clock.stage_iteration += 1
        return values

    def _fetch(self, items: Any) -> Item:
        item: Item = next(items)
        self.clock.position += 1
        self.clock.samples += item.total
        self.clock.stage_samples += item.total
        return item

    def _update(
        self, phase: Phase, item: Item, repeat: int, length: Length, loader: Loader
    ) -> Mapping[str, float]:
        batch = item.batch.to(self.fabric.device)
        share = Share(batch=batch, start=item.start, total=item.total)
        seed = derive_seed(self.settings.seed, phase.name, self.clock.iteration, repeat)
        progress = self._progress(length, loader, item)
        try:
            groups = [self.groups[name] for name in phase.updates]
            return self.updater.run(phase, groups, share, seed=seed, progress=progress)
        except NonFiniteError as error:
            saved = f"the last checkpoint is of iteration {self._saved_at}" if self._saved_at >= 0 else "no checkpoint yet"
            raise NonFiniteError(f"iteration {self.clock.iteration}, {error} ({saved})") from None

    def _rate_factor(self, progress: Progress) -> float:
        factor = float(self._schedule(progress.fraction))
        if self.settings.warmup:
            factor *= min(1.0, (self.clock.iteration + 1) / self.settings.warmup)
        return factor

    def _length(self, stage: Stage) -> Length:
        if stage.length is not None:
            return stage.length
        open_shares = [s.share for s in self.stages if s.length is None]
        return Length.parse(self.settings.length).scaled(stage.share / sum(open_shares))

    def _fraction(self, length: Length, loader: Loader) -> float:
        done = {
            "iterations": self.clock.stage_iteration,
            "samples": self.clock.stage_samples,
            "seconds": self.clock.stage_seconds,
            "epochs": self.clock.position / loader.batches_per_epoch,
        }[length.unit]
        return done / length.amount

    def _progress(self, length: Length, loader: Loader, item: Item | None = None) -> Progress:
        return Progress(
            iteration=self.clock.iteration,
            stage_iteration=self.clock.stage_iteration,
            samples=self.clock.samples,
            epoch=item.epoch if item else self.clock.position // loader.batches_per_epoch,
            fraction=min(self._fraction(length, loader), 1.0),
            ends_epoch=bool(item and item.ends_epoch),
        )

    def _moment(self, length: Length | None = None, loader: Loader | None = None) -> Moment:
        stage = self.stages[min(self.clock.stage, len(self.stages) - 1)]
        within = self._fraction(length, loader) if length and loader else 1.0
        shares = [s.share for s in self.stages]
        done = sum(shares[: self.clock.stage]) + min(within, 1.0) * stage.share * bool(length)
        return Moment(
            iteration=self.clock.iteration,
            samples=self.clock.samples,
            stage=stage.name,
            fraction=min(done / sum(shares), 1.0),
            seconds=self.clock.seconds,
        )

    def _after_iteration(
        self, stage: Stage, values: Mapping[str, float], length: Length, loader: Loader
    ) -> None:
        del stage
        if self.callbacks:
            moment = self._moment(length, loader)
            self._tell("stepped", moment=moment)
            if self.clock.iteration % self.settings.log_every == 0 or self.clock.iteration <= 5:
                self._tell("logged", values, moment=moment)
        if self._agree(self._interrupts.requested):
            self._save()
            raise Interrupted
        self._publish()

    def _publish(self, *, last: bool = False) -> None:
        """Score, show and save when due."""
        score = self._is_due("score", self.settings.score_every, last)
        sample = self._is_due("sample", self.settings.sample_every, last)
        save = self._is_due("save", self.settings.save_every, last)
        if score or sample or save:
            self._calibrate()
        if score:
            self._score()
        if sample:
            self._sample()
        if save:
            self._save()
        self.model.train()

    def _is_due(self, what: str, every: Any, last: bool) -> bool:
        """Whether so much has passed since ``what`` was done last."""
        if every is None or (last and what != "save" and self._due.get(what + "@") == self.clock.iteration):
            return False
        length = Length.parse(every)
        batches = max(-(-len(self.source) // self.settings.batch), 1)
        now = {
            "iterations": float(self.clock.iteration),
            "samples": float(self.clock.samples),
            "seconds": self.clock.seconds,
            "epochs": self.clock.samples / max(len(self.source), batches),
        }[length.unit]
        since = self._due.setdefault(what, now if self._saved_at >= 0 or length.unit == "seconds" else 0.0)
        if not self._agree(last or now - since >= length.amount):
            return False
        self._due[what] = now
        self._due[what + "@"] = self.clock.iteration
        return True

    def _calibrate(self) -> None:
        """Give the averaged model its own batch-norm statistics and current buffers."""
        if self.average is None:
            return
        self.average.copy_buffers()
        model = self.average.model
        if not batch_norms(model):
            return
        stages = list(model.stages())
        stage = stages[min(self.clock.stage, len(stages) - 1)]
        loader = Loader(self.source, self.settings.batch, seed=derive_seed(self.settings.seed, "calibrate"))
        items = loader.iterate(0)
        updater = Updater(model, self.fabric, accumulate=1, clip=None)

        def once(number: int) -> None:
            item = next(items)
            share = Share(batch=item.batch.to(self.fabric.device), start=item.start, total=item.total)
            for phase in stage.phases:
                updater.forward(phase, share, seed=derive_seed(self.settings.seed, "calibrate", number))

        recalibrate(model, [lambda i=i: once(i) for i in range(CALIBRATION_BATCHES)])
        items.close()

    def _sample(self) -> None:
        if self.hooks.sample is not None and self.run is not None and self.fabric.is_global_zero:
            path = self.run.samples / f"{self.clock.iteration:08d}.png"
            self.hooks.sample(self.published, path)
            self._tell("sampled", path)

    def _score(self) -> None:
        if self.hooks.score is None:
            return
        scores = dict(self.hooks.score(self.published))
        self._tell("scored", scores)
        watched, value = next(iter(scores.items()))
        if self.best is None or value < self.best:
            self.best, self.waited = value, 0
            self._save()
            if self.run is not None and self.fabric.is_global_zero:
                self.run.mark_best(watched, value, self.clock.iteration)
        else:
            self.waited += 1

    def _stop_early(self) -> bool:
        return self.settings.patience is not None and self.waited >= self.settings.patience

    def _save(self) -> None:
        if self._saved_at == self.clock.iteration and self.clock.iteration > 0:
            path = self.run and self.run.checkpoints / f"{self.clock.iteration:08d}"
            if path and path.exists() and self.clock.stage < len(self.stages):
                return
        if self.run is None:
            return
        if self.fabric.is_global_zero:
            self.run.save(self.checkpoint())
            protected = self.run.best
            prune(self.run.checkpoints, self.settings.keep, protected["iteration"] if protected else None)
        self.fabric.barrier()
        self._saved_at = self.clock.iteration

    def checkpoint(self) -> Checkpoint:
        """Everything needed to continue from here."""
        tensors = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_tensors(self._optimizers()),
        }
        if self.average is not None:
            tensors["ema"] = self.average.model.state_dict()
        state = {
            "clock": asdict(self.clock),
            "best": self.best,
            "waited": self.waited,
            "fingerprint": self.run.fingerprint if self.run else "",
        }
        return Checkpoint(tensors, state, self.clock.iteration)

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {name: group.optimizer for name, group in self.groups.items()}

    def _load_weights(self, model: Model, checkpoint: Checkpoint, stem: str) -> None:
        tensors = checkpoint.tensors.get(stem)
        if tensors is None:
            raise CheckpointError(f"checkpoint {checkpoint.number} has no {stem!r} weights; set train.ema as before")
        try:
            model.load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise CheckpointError(f"checkpoint {checkpoint.number} is of another model: {error}") from error

    def _agree(self, flag: bool) -> bool:
        """Rank 0 decides for all, where clocks of ranks could differ."""
        return flag if self.fabric.world_size == 1 else bool(self.fabric.broadcast(flag))

    def _tell(self, what: str, *args: Any, moment: Moment | None = None) -> None:
        moment = moment or self._moment()
        for callback in self.callbacks:
            method = getattr(callback, what)
            if what == "started":
                method(*args, moment)
            else:
                with suppress(BrokenPipeError):
                    method(moment, *args)
