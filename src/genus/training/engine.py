"""The one training loop: executes the stages of any model, and never asks which model it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from torch.nn import Parameter

from genus.core.binder import build
from genus.core.errors import NonFiniteError, RecipeError
from genus.core.length import Length
from genus.core.model import Model
from genus.core.noise import derive_seed
from genus.core.phase import Averages, Phase, Stage
from genus.core.recipe import TrainSettings, default_optimizer
from genus.data.loader import Item
from genus.data.source import Source
from genus.layers.modulation import channels_last
from genus.training.callbacks import Callback, Listeners, Moment, log_line
from genus.training.checkpoints import Checkpoint, load_weights
from genus.training.clock import Clock, Every
from genus.training.devices import from_first
from genus.training.doctor.doctor import Doctor
from genus.training.doctor.finding import Finding
from genus.training.doctor.treatment import Treatment
from genus.training.ema import Average
from genus.training.interrupts import Interrupts
from genus.training.minimum_batch import refuse_small_batches
from genus.training.optimizer_state import optimizer_tensors, restore_optimizers
from genus.training.publisher import Hooks, Publisher
from genus.training.run import Run
from genus.training.stage_progress import StageProgress
from genus.training.update import Group, Share, Updater

if TYPE_CHECKING:
    from lightning_fabric import Fabric


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
            for tensor in (*self.model.parameters(), *self.model.buffers()):
                tensor.data = channels_last(tensor.data)
        self.average = Average(self.model, settings.ema) if settings.ema else None
        self.optimizer = dict(optimizer)
        self.stage_progress = StageProgress(self.model.stages(), source, settings, fabric)
        self.listeners = Listeners(callbacks if fabric.is_global_zero else (), self.stage_progress.moment)
        self.publisher = Publisher(
            self.model,
            self.average,
            self.stage_progress,
            len(source),
            run,
            settings=settings,
            fabric=fabric,
            hooks=hooks or Hooks(),
            listeners=self.listeners,
            checkpoint=self.checkpoint,
        )
        self.doctor = doctor if fabric.is_global_zero else None
        self.treatment = Treatment()
        self.updater = Updater(self.model, fabric, accumulate=settings.accumulate, clip=settings.clip)
        self.groups: dict[str, Group] = {}
        self._stop = False
        self._plan_looks()
        self._check()

    @property
    def published(self) -> Model:
        """The model to sample from: averaged weights where there are any."""
        return self.publisher.model

    def fit(self) -> None:
        """Train to the end of the last stage.

        Raises:
            Interrupted: after a first Ctrl-C, when everything is saved.
            NonFiniteError: when a loss or gradient is not finite; nothing broken is saved.
        """
        self.listeners.tell(lambda callback, moment: callback.started(self.run, moment))
        if self.doctor is not None:
            self.doctor.begin(self.run.log_lines(), self.stage_progress.clock.iteration, self.treatment)
        with Interrupts() as interrupts:
            try:
                while self._run_stage(interrupts) and not self.stage_progress.is_last:
                    self._settle()
                    self.stage_progress.next_stage()
                    self.groups = {}
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

    def _settle(self) -> None:
        """Later stages build on the average of what this one has finished, and it stays so."""
        later = {id(p) for stage in self.stage_progress.later for p in _updated(stage)}
        mine = [p for group in self.groups.values() for p in group.parameters]
        self.publisher.settle([p for p in mine if id(p) not in later])

    def _iterate(self, items: Iterator[Item]) -> dict[str, float]:
        """Run every phase that is due once; repeats take fresh batches, phases share them."""
        stage, clock, progress = (
            self.stage_progress.stage,
            self.stage_progress.clock,
            self.stage_progress.progress(),
        )
        if stage.tick is not None:
            stage.tick(progress)
        rate = self.stage_progress.rate_factor(progress)
        for group in self.groups.values():
            group.scale_rate(rate * self.treatment.rate(group.name))
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
        if self.average is not None:
            self.average.update(clock.stage_iteration)
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

    def _publish(self) -> None:
        """Let the doctor look, score, show and save where it is due; everything once more at the end."""
        over = self.publisher.stops_early or (
            self.stage_progress.is_last and self.stage_progress.fraction >= 1
        )
        clock = self.stage_progress.clock
        if self._looks.due(clock) or (over and self._looks.done_at != clock.iteration):
            self._look()
        self.publisher.publish(over=over, stop=self._stop)
        if self._stop and not over:
            raise Interrupted

    def _report(self, values: Averages) -> None:
        iteration = self.stage_progress.clock.iteration
        logs = iteration % self.settings.log_every == 0 or iteration <= 5

        def say(callback: Callback, moment: Moment) -> None:
            callback.stepped(moment)
            if logs:
                callback.logged(moment, values)

        if self.listeners.callbacks:
            self.listeners.tell(say)
        if logs:
            self._examine(values)

    def _examine(self, values: Averages) -> None:
        """Let the doctor hear what is logged, and do what it orders."""
        if self.doctor is not None:
            found, orders = self.doctor.hear(log_line(self.stage_progress.moment(), {"losses": dict(values)}))
            self._announce(found)
            for order in orders:
                self.listeners.tell(lambda callback, moment, says=order.says: callback.treated(moment, says))
        if self.settings.doctor == "act":
            self._treat(from_first(self.fabric, self.doctor.treatment if self.doctor else self.treatment))

    def _treat(self, treatment: Treatment) -> None:
        """Train on with other rates and bounds of the gradient than the recipe's."""
        self.treatment = treatment
        self.updater.clip = treatment.clipped(self.settings.clip)

    def _announce(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self.listeners.tell(lambda callback, moment, finding=finding: callback.found(moment, finding))

    def _fail(self, reason: str) -> None:
        """Log why training stops, as of the iteration that could not be done."""
        moment = replace(self.stage_progress.moment(), iteration=self.stage_progress.clock.iteration + 1)
        for callback in self.listeners.callbacks:
            callback.failed(moment, reason)
        if self.doctor is not None:
            found, _ = self.doctor.hear(log_line(moment, {"failure": reason}))
            self._announce(found)

    def _look(self) -> None:
        """Let the doctor see samples of the model as it is trained: averaging would cost more passes."""
        self._looks.done_at = self.stage_progress.clock.iteration
        if self.doctor is not None and not self.stage_progress.stage.prepares:
            moment = self.stage_progress.moment()
            self._announce(
                self.doctor.look(
                    self.model,
                    iteration=moment.iteration,
                    fraction=moment.fraction,
                    seconds=moment.seconds,
                )
            )

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
            "clock": asdict(self.stage_progress.clock),
            **self.publisher.state(),
            "treatment": self.treatment.to_json(),
            "optimizers": {name: type(group.optimizer).__name__ for name, group in self.groups.items()},
            "fingerprint": self.run.fingerprint,
        }
        return Checkpoint(tensors, state, self.stage_progress.clock.iteration)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue where a checkpoint was saved, bit for bit on CPU.

        Raises:
            CheckpointError: when it belongs to another model or other optimisers.
        """
        state = checkpoint.state
        load_weights(self.model, checkpoint, "model")
        if self.average is not None:
            load_weights(self.average.model, checkpoint, "ema")
        self.stage_progress.start(Clock(**state["clock"]))
        self.publisher.restore(state)
        self._plan_looks()
        if self.settings.doctor == "act":  # else what was done before is undone
            self._treat(Treatment.from_json(state.get("treatment")))
        self._enter_stage()
        optimizers = {name: group.optimizer for name, group in self.groups.items()}
        restore_optimizers(optimizers, checkpoint.tensors["optimizer"], state["optimizers"])

    def _plan_looks(self) -> None:
        tenth = str(Length.parse(self.settings.length).scaled(0.1))
        self._looks = Every(self.settings.doctor_every or tenth, self.stage_progress.clock, len(self.source))

    def _enter_stage(self) -> None:
        enter = self.stage_progress.stage.enter
        if enter is not None:
            enter()
        self._make_groups()

    def _make_groups(self) -> None:
        base = {k: v for k, v in self.optimizer.items() if k != "groups"}
        self.groups = {}
        for phase in self.stage_progress.stage.phases:
            for name, parameters in phase.updates.items():
                if name not in self.groups:
                    own = {**base, **self.optimizer.get("groups", {}).get(name, {})}
                    chosen = list(parameters())
                    try:
                        self.groups[name] = Group(name, chosen, build("optimizer", own, chosen))
                    except ValueError as error:  # torch's own check of rates and decays
                        raise RecipeError(f"optimizer of group {name!r}: {error}") from None
        self.updater.optimizers = {p: g.optimizer for g in self.groups.values() for p in g.parameters}

    def _check(self) -> None:
        phases = [phase for stage in self.stage_progress.stages for phase in stage.phases]
        known = sorted({group for phase in phases for group in phase.updates})
        for group in self.optimizer.get("groups", {}):
            if group not in (*known, *self.model.groups_elsewhere):
                raise RecipeError(f"optimizer.groups.{group}: this model's groups are {', '.join(known)}")
        if not self.model.optimised and (unused := _for_optimisers(self.optimizer, self.settings)):
            raise RecipeError(
                f"{unused}: {type(self.model).__name__} is fitted in closed form and no optimiser moves it; "
                "leave it out"
            )
        refuse_small_batches(
            self.model.minimum_batch(),
            self.settings,
            examples=len(self.source),
            smallest=self.stage_progress.smallest_batch,
            world=self.fabric.world_size,
        )
        split = self.settings.accumulate > 1 or self.fabric.world_size > 1
        for phase in phases:
            if phase.whole_batch and split:
                raise RecipeError(
                    f"phase {phase.name!r} needs its whole batch at once: set train.accumulate=1 "
                    "and train in one process"
                )


def _for_optimisers(optimizer: Mapping[str, Any], settings: TrainSettings) -> str:
    """Which settings ask something of an optimiser."""
    asked = {
        "optimizer": optimizer != default_optimizer(),
        "train.clip": settings.clip is not None,
        "train.warmup": settings.warmup > 0,
        "train.schedule": settings.schedule not in ("constant", {"name": "constant"}),
    }
    return ", ".join(name for name, is_set in asked.items() if is_set)


def _updated(stage: Stage) -> Iterator[Parameter]:
    """Every parameter that a stage trains."""
    for phase in stage.phases:
        for parameters in phase.updates.values():
            yield from parameters()
