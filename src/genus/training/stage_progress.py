"""Position of training in the stages of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from torch.nn import Parameter

from genus.core.binder import bind
from genus.core.length import Length
from genus.core.noise import derive_seed
from genus.core.phase import Progress, Stage
from genus.core.train_settings import TrainSettings
from genus.data.loader import Item, Loader
from genus.data.source import Source
from genus.training.callbacks import Moment
from genus.training.clock import Clock

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class StageProgress:
    """The stages of a training, the clock, and the data of the current stage in their order.

    Args:
        stages: of the model.
        source: the training examples.
        settings: the recipe's ``train``.
        fabric: tells ranks apart, which take different parts of each batch.
    """

    def __init__(
        self, stages: Sequence[Stage], source: Source, settings: TrainSettings, fabric: Fabric
    ) -> None:
        self.stages = list(stages)
        self._source, self._settings, self._fabric = source, settings, fabric
        self._schedule = bind("schedule", settings.schedule)
        self.start(Clock())

    def start(self, clock: Clock) -> None:
        """Move to the position of a clock."""
        self.clock = clock
        self._plan()

    def next_stage(self) -> None:
        """Go to the beginning of the next stage."""
        self.clock.next_stage()
        self._plan()

    @property
    def stage(self) -> Stage:
        """The current one."""
        return self.stages[self.clock.stage]

    @property
    def num_examples(self) -> int:
        """Size of the training data."""
        return len(self._source)

    def later_parameters(self) -> Iterator[Parameter]:
        """Every parameter that a later stage trains."""
        for stage in self.stages[self.clock.stage + 1 :]:
            for phase in stage.phases:
                for parameters in phase.updates.values():
                    yield from parameters()

    @property
    def is_last(self) -> bool:
        """Whether no stage follows."""
        return self.clock.stage + 1 == len(self.stages)

    @property
    def fraction(self) -> float:
        """Share of the current stage that is done; 1 or more when it is over."""
        return self.clock.stage_fraction(self._length, self._loader.batches_per_epoch)

    # --- data ------------------------------------------------------------------------------

    def batches(self) -> Iterator[Item]:
        """The batches of the current stage that have not been taken; close it when done."""
        return self._loader.iterate(self.clock.position)

    def fetch(self, items: Iterator[Item]) -> Item:
        """Take a batch and count its examples."""
        item = next(items)
        self.clock.position += 1
        self.clock.samples += item.total
        self.clock.stage_samples += item.total
        return item

    def loader(self, *keys: str) -> Loader:
        """The training examples in an order that the seed and the keys decide."""
        return Loader(
            self._source,
            self._settings.batch,
            seed=derive_seed(self._settings.seed, *keys),
            rank=self._fabric.global_rank,
            world=self._fabric.world_size,
            workers=self._settings.workers if "order" in keys else 0,
        )

    @property
    def smallest_batch(self) -> int:
        """Examples in the smallest batch, over all ranks."""
        return self._loader.smallest

    # --- where we are ----------------------------------------------------------------------

    def rate_factor(self, progress: Progress) -> float:
        """Factor of the learning rates: the schedule's value and the warm-up's."""
        factor = float(self._schedule(progress.fraction))
        if self._settings.warmup:
            factor *= min(1.0, (self.clock.iteration + 1) / self._settings.warmup)
        return factor

    def progress(self, item: Item | None = None) -> Progress:
        """Position of training, for the model; with a batch, as that batch is used."""
        epoch = self.clock.position // self._loader.batches_per_epoch
        return Progress(
            iteration=self.clock.iteration,
            stage_iteration=self.clock.stage_iteration,
            samples=self.clock.samples,
            epoch=item.epoch if item is not None else epoch,
            fraction=min(self.fraction, 1.0),
            ends_epoch=item is not None and item.ends_epoch,
        )

    def moment(self) -> Moment:
        """Position of training, for display."""
        shares = [stage.share for stage in self.stages]
        within = min(self.fraction, 1.0) * shares[self.clock.stage]
        return Moment(
            iteration=self.clock.iteration,
            samples=self.clock.samples,
            stage=self.stage.name,
            prepares=self.stage.prepares,
            fraction=(sum(shares[: self.clock.stage]) + within) / sum(shares),
            seconds=self.clock.seconds,
            cpu_seconds=self.clock.cpu_seconds,
        )

    def _plan(self) -> None:
        self._length, self._loader = self._stage_length(self.stage), self.loader("order", self.stage.name)

    def _stage_length(self, stage: Stage) -> Length:
        if stage.length is not None:
            return stage.length
        shares = sum(s.share for s in self.stages if s.length is None)
        return Length.parse(self._settings.length).scaled(stage.share / shares)
