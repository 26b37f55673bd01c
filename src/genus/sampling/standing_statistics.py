"""Batch-norm statistics of the latents that are drawn, where those are not the latents of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from genus.core.errors import CapabilityError
from genus.core.model import LatentSpace, Model
from genus.core.noise import Noise, derive_seed
from genus.core.spec import DataSpec
from genus.layers.batch_norm_statistics import batch_norms, collecting, keeping, others

PASSES = 100
"""Batches that statistics are averaged over, as published."""

_BATCH = 64
_BATCH_ELEMENTS = 1 << 22


@contextmanager
def standing_statistics(
    model: Model, truncation: float, *, seed: int = 0, population: Tensor | None = None
) -> Iterator[None]:
    """Within it, batch norms normalise by the statistics of truncated latents.

    Running statistics were collected in training, where latents are not truncated. They are
    collected anew: each is the mean over 100 batches of samples with this truncation. Only batch
    norms are in training mode for it, so dropout and spectral normalisation do what they do at
    evaluation. It depends on the arguments alone, not on what is drawn afterwards; models without
    running statistics are left alone. Everything is restored at the end.

    Where a batch norm follows the only map that sees the latent, the new statistics undo much of the
    truncation: they scale the smaller features up again. The paper's networks are told the latent
    at every block.

    Args:
        model: one with a latent, in evaluation mode, see :func:`genus.sampling.draw.evaluating`.
        truncation: as in :func:`genus.sampling.draw.draw`.
        seed: latents and classes derive from it.
        population: what samples are asked for as a rule, for conditional models: class numbers ``(m,)``
            or conditions ``(m, *spec.condition.shape)``, taken in turn. None for all classes alike.

    Raises:
        CapabilityError: for conditions other than classes without a ``population``.

    Paper: arXiv:1809.11096 ("standing statistics"), with batches of 64, fewer of large examples.
    """
    norms = batch_norms(model)
    if not norms:
        yield
        return
    of_norms = [buffer for norm in norms for buffer in norm.buffers()]
    with keeping(of_norms):
        with keeping(others(model, norms)), collecting(norms):
            _run(model, truncation, of_norms[0].device, seed, population)
        yield


def _run(model: Model, truncation: float, device: torch.device, seed: int, population: Tensor | None) -> None:
    """Draw the batches that statistics are made of, in single precision."""
    assert isinstance(model, LatentSpace)
    size = max(8, min(_BATCH, _BATCH_ELEMENTS // model.spec.size))
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for start in range(0, PASSES * size, size):
            noise, choice = (
                Noise(derive_seed(seed, "standing statistics", what), start=start, block=size, device=device)
                for what in ("latents", "classes")
            )
            condition = _told(model.spec, start, size, choice, population) if model.conditional else None
            model.sample(size, condition=condition, noise=noise, truncation=truncation)


def _told(spec: DataSpec, start: int, n: int, choice: Noise, population: Tensor | None) -> Tensor:
    """What samples ``start … start + n`` of a conditional model are asked for."""
    if population is not None:
        return population[torch.arange(start, start + n) % len(population)].to(choice.device)
    if spec.condition is not None:
        raise CapabilityError(
            "truncated latents need batch-norm statistics over all that samples may be asked for; this "
            f"model is told {spec.condition.describe()}: name its run in place of the model, or set "
            "standing to false"
        )
    return choice.integers(spec.num_classes, n)
