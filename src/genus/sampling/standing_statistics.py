"""Batch-norm statistics of the latents that are drawn, where those are not the latents of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genus.core.batch import Condition
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
    model: Model, truncation: float, *, seed: int = 0, typical: Condition | None = None
) -> Iterator[None]:
    """Within it, batch norms normalise by the statistics of truncated latents.

    Running statistics were collected in training, where latents are not truncated. They are
    collected anew: each is the mean over 100 batches of samples with this truncation. Only batch
    norms are in training mode for it, so dropout and spectral normalisation do what they do at
    evaluation. It depends on the arguments alone, not on what is drawn afterwards; models without
    running statistics are left alone. Everything is restored at the end.

    Where a batch norm follows the only map that sees the latent, the new statistics undo much of the
    truncation: they scale the smaller features up again. The paper's networks receive the latent
    at every block.

    Args:
        model: one with a latent, in evaluation mode, see :func:`genus.sampling.draw.evaluating`.
        truncation: as in :func:`genus.sampling.draw.draw`.
        seed: latents and classes derive from it.
        typical: conditions of the data ``(m, *spec.condition.shape)`` for conditional models, taken in turn.
            None for all classes alike.

    Raises:
        CapabilityError: for conditions other than classes without ``typical`` ones.

    Paper: arXiv:1809.11096 ("standing statistics"), with batches of 64, fewer of large examples.
    """
    norms = batch_norms(model)
    if not norms:
        yield
        return
    of_norms = [buffer for norm in norms for buffer in norm.buffers()]
    with keeping(of_norms):
        with keeping(others(model, norms)), collecting(norms):
            _run(model, truncation, of_norms[0].device, seed, typical)
        yield


def _run(model: Model, truncation: float, device: torch.device, seed: int, typical: Condition | None) -> None:
    """Draw the batches that statistics are made of, in single precision."""
    assert isinstance(model, LatentSpace)
    size = max(8, min(_BATCH, _BATCH_ELEMENTS // model.spec.size))
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for start in range(0, PASSES * size, size):
            noise, choice = (
                Noise(derive_seed(seed, "standing statistics", what), start=start, block=size, device=device)
                for what in ("latents", "classes")
            )
            condition = _condition_of(model.spec, start, size, choice, typical) if model.conditional else None
            model.sample(size, condition=condition, noise=noise, truncation=truncation)


def _condition_of(spec: DataSpec, start: int, n: int, choice: Noise, typical: Condition | None) -> Condition:
    """Conditions of samples ``start … start + n`` of a conditional model."""
    if typical is not None:
        return typical[torch.arange(start, start + n) % len(typical)].to(choice.device)
    if spec.condition is not None and spec.condition.kind != "class":
        raise CapabilityError(
            "truncated latents need batch-norm statistics over all conditions of the data; this model is "
            f"conditioned on {spec.condition.describe()}: name its run in place of the model, or set "
            "standing to false"
        )
    return choice.integers(spec.num_classes, n)
