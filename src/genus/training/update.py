"""One update of one phase: gradients for its own parameters, reduced once, checked, applied."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from genus.core.batch import Batch
from genus.core.errors import NonFiniteError
from genus.core.noise import Noise, derive_seed
from genus.core.observations import Observation
from genus.core.phase import Averages, Context, Phase, Progress
from genus.data.loader import Item
from genus.training.devices import autocast, sum_tensors
from genus.training.gradients import flat_terms, gradients_of, laid_out, norm_of
from genus.training.groups import Group

if TYPE_CHECKING:
    from lightning_fabric import Fabric

NOISE_BLOCK = 64
"""Most examples whose noise is drawn at once; a rank draws at most this much more than it uses."""


def noise_block(total: int) -> int:
    """Size of the fewest equal blocks that hold a global batch of ``total`` examples.

    >>> noise_block(100), noise_block(64), noise_block(10)
    (50, 64, 10)
    """
    return -(-total // -(-total // NOISE_BLOCK))


@dataclass(frozen=True, kw_only=True)
class Share:
    """The part of a global batch this rank works on."""

    batch: Batch
    start: int
    total: int

    @classmethod
    def of(cls, item: Item, device: torch.device) -> Share:
        """The loader's batch for this rank, on its device."""
        return cls(batch=item.batch.to(device), start=item.start, total=item.total)


class Updater:
    """Executes phases on a model.

    Args:
        model: the model whose phases are run.
        fabric: device, precision and ranks.
        accumulate: micro-batches per update.
        clip: largest gradient norm of a group, or None.

    ``optimizers`` are those of the present stage by parameter, which losses may read.
    """

    def __init__(self, model: nn.Module, fabric: Fabric, *, accumulate: int, clip: float | None) -> None:
        self.fabric = fabric
        self.accumulate = accumulate
        self.clip = clip
        self.optimizers: Mapping[Parameter, torch.optim.Optimizer] = {}
        self._all = list(model.parameters())
        self._trainable: set[int] | None = None

    def run(
        self, phase: Phase, groups: Sequence[Group], share: Share, *, seed: int, progress: Progress
    ) -> Averages:
        """Run one update and return its averaged terms and observations.

        Raises:
            NonFiniteError: before anything is changed, naming phase and term.
        """
        seed_device(self.fabric.device, derive_seed(seed, self.fabric.global_rank))  # dropout and the like
        if phase.step is not None:
            averages = self._own_step(phase, share, seed, progress)
        else:
            averages = self._gradient_step(phase, groups, share, seed, progress)
        if phase.after is not None:
            phase.after(averages)
        return averages

    def forward(self, phase: Phase, share: Share, *, seed: int) -> None:
        """Compute a phase's loss for its side effects on batch-norm statistics alone."""
        seed_device(self.fabric.device, derive_seed(seed, self.fabric.global_rank))
        if phase.loss is not None:
            self._freeze_others([p for own in phase.updates.values() for p in own()])
            with autocast(self.fabric):
                phase.loss(share.batch, self._context(share, seed, Progress()))

    def _context(self, share: Share, seed: int, progress: Progress, offset: int = 0) -> Context:
        noise = Noise(
            seed,
            start=share.start + offset,
            block=noise_block(share.total),
            device=share.batch.x.device,
        )
        return Context(
            noise=noise,
            progress=progress,
            optimizers=self.optimizers,
            sum_over_ranks=lambda tensor: sum_tensors(self.fabric, [tensor])[0],
        )

    def _own_step(self, phase: Phase, share: Share, seed: int, progress: Progress) -> Averages:
        assert phase.step is not None
        context = self._context(share, seed, progress)
        with torch.no_grad():
            terms = phase.step(share.batch, context)
        return self._average(phase, [{**terms, **context.observed}], [len(share.batch) / share.total])

    def _gradient_step(
        self, phase: Phase, groups: Sequence[Group], share: Share, seed: int, progress: Progress
    ) -> Averages:
        assert phase.loss is not None
        parameters = [p for group in groups for p in group.parameters]
        self._freeze_others(parameters)
        gradients: list[Tensor | None] = [None] * len(parameters)
        values: list[Mapping[str, Tensor]] = []
        weights: list[float] = []
        for offset, size in _micro_batches(len(share.batch), self.accumulate):
            context = self._context(share, seed, progress, offset)
            weight = size / share.total
            micro = share.batch if size == len(share.batch) else share.batch[offset : offset + size]
            with autocast(self.fabric):
                terms = phase.loss(micro, context)
            if context.gradients:
                found = [context.gradients.get(parameter) for parameter in parameters]
            else:
                found = gradients_of(phase, terms, groups)
            for i, gradient in enumerate(found):
                if gradient is not None:
                    scaled = gradient if weight == 1 else gradient * weight
                    old = gradients[i]
                    gradients[i] = scaled if old is None else old + scaled
            values.append({**flat_terms(terms), **context.observed})
            weights.append(weight)
        reduced = self._reduce(parameters, gradients)
        averages = self._average(phase, values, weights, norm_of(phase, reduced))
        self._apply(groups, parameters, reduced)
        return averages

    def _freeze_others(self, parameters: Sequence[Parameter]) -> None:
        wanted = {id(p) for p in parameters}
        if wanted != self._trainable:
            for parameter in self._all:
                parameter.requires_grad_(id(parameter) in wanted)
            self._trainable = wanted

    def _reduce(
        self, parameters: Sequence[Parameter], gradients: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        if self.fabric.world_size == 1:
            return list(gradients)
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
        used = torch.tensor([float(g is not None) for g in gradients], device=filled[0].device)
        *summed, users = sum_tensors(self.fabric, [*filled, used])
        return [g if n else None for g, n in zip(summed, users.tolist(), strict=True)]

    def _average(
        self,
        phase: Phase,
        values: Sequence[Mapping[str, Tensor]],
        weights: Sequence[float],
        size: Tensor | None = None,
    ) -> dict[str, float]:
        """Averages of terms and observations, and the gradients' size; all must be finite."""
        names = list(values[0])
        parts = [torch.stack([value[name].detach().float() for name in names]) for value in values if names]
        if len(parts) > 1 or weights[0] != 1:
            parts = [torch.stack([part * weight for part, weight in zip(parts, weights, strict=True)]).sum(0)]
        parts = sum_tensors(self.fabric, parts)
        if size is not None:
            parts = [*parts, size.float()[None]]
        numbers = torch.cat(parts).tolist() if parts else []  # one transfer from the device
        averages = dict(zip(names, numbers, strict=False))
        for name, value in averages.items():
            if not math.isfinite(value):
                raise NonFiniteError(f"phase {phase.name!r}: the term {name!r} is {value}. " + _ADVICE)
        if numbers and not math.isfinite(numbers[-1]):
            raise NonFiniteError(f"phase {phase.name!r}: a gradient is not finite. " + _ADVICE)
        if size is not None:
            averages.setdefault(Observation.GRADIENT, numbers[-1])  # a model may log a gradient of its own
        return averages

    def _apply(
        self, groups: Sequence[Group], parameters: Sequence[Parameter], gradients: Sequence[Tensor | None]
    ) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient if gradient is None else laid_out(gradient, parameter)
        for group in groups:
            if self.clip is not None:
                nn.utils.clip_grad_norm_(group.parameters, self.clip)
            group.optimizer.step()
        for parameter in parameters:  # as zero_grad does, without its 20 µs of profiling
            parameter.grad = None


_ADVICE = (
    "Nothing broken was saved. A smaller optimizer.lr, train.clip=1 or "
    "train.precision=32 usually helps; data with extreme values are another cause."
)


def seed_device(device: torch.device, seed: int) -> None:
    """Seed torch's global generators of the CPU and of one device.

    ``torch.manual_seed`` would also queue a call, with a formatted stack, for every accelerator
    that is not in use: 0.4 ms each time, and never freed.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def _micro_batches(size: int, parts: int) -> list[tuple[int, int]]:
    parts = min(parts, size)
    edges = [i * size // parts for i in range(parts + 1)]
    return [(a, b - a) for a, b in itertools.pairwise(edges)]
