"""Training as data: a model returns stages of phases, the engine executes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from genus.core.batch import Batch
from genus.core.length import Length
from genus.core.noise import Noise

Terms = Mapping[str, Tensor]
"""Named scalar losses; their sum is minimised."""

Averages = Mapping[str, float]
"""Terms and observations of one update, averaged over micro-batches and ranks."""

Groups = Mapping[str, Callable[[], Iterable[Parameter]]]
"""Optimiser groups by name; the callables are called anew whenever a stage begins."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Position of training when a phase runs.

    Args:
        iteration: iterations done since the run began.
        stage_iteration: iterations done in this stage.
        samples: examples of the data seen since the run began, over all ranks.
        epoch: passes over the data completed in this stage.
        fraction: how much of this stage is done, in [0, 1].
        ends_epoch: whether this batch is the last of a pass over the data.
    """

    iteration: int = 0
    stage_iteration: int = 0
    samples: int = 0
    epoch: int = 0
    fraction: float = 0.0
    ends_epoch: bool = False


def _alone(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(kw_only=True)
class Context:
    """Inputs of a loss besides the batch.

    Args:
        noise: random numbers for this batch, the same however it is split.
        progress: where training stands.
        sum_over_ranks: adds a tensor over all ranks (the identity in one process); for phases
            that own their update.
        optimizers: by parameter, the optimisers of this stage, to be read only (a loss that looks
            steps ahead).
        gradients: by parameter, where the loss has supplied them.
    """

    noise: Noise
    progress: Progress = field(default_factory=Progress)
    sum_over_ranks: Callable[[Tensor], Tensor] = _alone
    optimizers: Mapping[Parameter, Optimizer] = field(default_factory=dict[Parameter, Optimizer])
    observed: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    gradients: dict[Parameter, Tensor] = field(default_factory=dict[Parameter, Tensor])

    def observe(self, **values: Tensor) -> None:
        """Log scalars that are not minimised; ``Phase.after`` receives their averages."""
        for name, value in values.items():
            self.observed[name] = value.detach()

    def supply(self, gradients: Mapping[Parameter, Tensor]) -> None:
        """Give gradients of the loss in closed form, so that the loss is not differentiated.

        They are averaged over micro-batches and ranks, checked, clipped and applied like any
        others; parameters without one are left alone.
        """
        self.gradients.update(gradients)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One kind of update: which parameters, by which loss, how often.

    Exactly one of ``loss`` and ``step`` is given. Gradients flow into the parameters of
    ``updates`` only; all others are frozen while the loss is computed, so losses need no detach
    for the networks they do not train.

    Args:
        name: appears in logs and errors, e.g. ``"discriminator"``.
        updates: optimiser groups this phase steps.
        loss: returns named terms whose sum all groups minimise, or ``{group: terms}`` when
            groups that share one forward pass minimise different sums.
        step: for closed forms: changes parameters and buffers itself, without gradients, and
            returns what to log.
        repeat: updates per iteration, each on a fresh batch (critic steps); or a function of
            where training stands, which may also return 0 to leave the phase out.
        every: run in each ``every``-th iteration only (lazy regularisation).
        whole_batch: the loss is not a mean over samples, so accumulation is refused.
        after: called once after each update with the averages (weight clipping, BEGAN's k).
    """

    name: str
    updates: Groups = field(default_factory=dict[str, Callable[[], Iterable[Parameter]]])
    loss: Callable[[Batch, Context], Terms | Mapping[str, Terms]] | None = None
    step: Callable[[Batch, Context], Terms] | None = None
    repeat: int | Callable[[Progress], int] = 1
    every: int = 1
    whole_batch: bool = False
    after: Callable[[Averages], None] | None = None

    def times(self, progress: Progress) -> int:
        """Updates in the iteration that begins."""
        return self.repeat(progress) if callable(self.repeat) else self.repeat

    def __post_init__(self) -> None:
        if (self.loss is None) == (self.step is None):
            raise TypeError(f"phase {self.name!r} needs either a loss or a step")
        if self.loss is not None and not self.updates:
            raise TypeError(f"phase {self.name!r} has a loss but updates no parameters")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training with its own phases and optimisers.

    Args:
        name: appears in logs.
        phases: run in order in every iteration.
        length: fixed length; when None the stage takes its ``share`` of the recipe's
            ``train.length``.
        share: weight among the stages without a fixed length.
        enter: called when the stage begins, and again when a run resumes inside it; it must
            give the same result both times.
        tick: called before every iteration (fade-in, warm-up).
        prepares: whether it only measures or places what later stages train, so that the doctor
            does not judge its samples yet.
    """

    name: str
    phases: Sequence[Phase]
    length: Length | None = None
    share: float = 1.0
    enter: Callable[[], None] | None = None
    tick: Callable[[Progress], None] | None = None
    prepares: bool = False
