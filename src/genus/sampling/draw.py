"""Samples that depend on the seed and their own number, and on nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import DrawsMeans, LatentSpace, Samples, StyleSpace
from genus.core.errors import CapabilityError, InputError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.spec import DataSpec
from genus.sampling.standing_statistics import standing_statistics


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Put a model in evaluation mode without gradients, and leave it as it was.

    Modes of all its modules and values of all its buffers are restored, so that measuring in
    the middle of training changes nothing. Models may enable gradients again where they need them.
    """
    modes = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name in buffers and buffers[name].shape == buffer.shape:
                    buffer.copy_(buffers[name])


def draw(
    model: Model,
    n: int,
    *,
    condition: Condition | None = None,
    seed: int = 0,
    batch: int | None = None,
    start: int = 0,
    truncation: float | None = None,
    standing: bool = False,
    typical: Condition | None = None,
    means: bool = False,
) -> Tensor:
    """Draw samples ``start … start + n``; sample i is the same in every batch size.

    Args:
        model: one that can sample.
        n: how many.
        condition: ``(n, *spec.condition.shape)``, for conditional models; codes ``(n, size)``, NaN where they
            are drawn at random, for models with codes.
        seed: all randomness derives from it.
        batch: samples drawn together; limits memory only. None chooses by their size.
        start: number of the first sample, so that ranks can share the work.
        truncation: quality for diversity. Latents are drawn from [−t, t] alone, t > 0
            (arXiv:1809.11096); of models with styles it is ψ in [0, 1], the share of the way from the
            mean style (arXiv:1812.04948). None for neither.
        standing: beside a truncation, batch norms normalise by statistics of truncated latents, see
            :func:`genus.sampling.standing_statistics.standing_statistics`; else by those of training.
        typical: for these statistics: conditions of the data, like ``condition`` but of any length. None for
            all classes alike.
        means: without the noise of p(x | latent) in models that have such; the others draw as always.

    Returns:
        ``(n, *spec.shape)`` in data units, float32, on the CPU.

    Raises:
        CapabilityError: when the model cannot sample, has no latent to truncate, or has conditions of
            which ``typical`` ones are needed.
        InputError: for a truncation out of range, or ``standing`` without one.
    """
    check_standing(standing, truncation)
    if not isinstance(model, Samples):
        raise CapabilityError(f"{type(model).__name__} cannot draw samples; ask for another score")
    options: dict[str, Any] = {"means": True} if means and isinstance(model, DrawsMeans) else {}
    statistics: AbstractContextManager[None] = nullcontext()
    if truncation is not None:
        check_truncation(model, truncation)
        options["truncation"] = truncation
        if standing:
            statistics = standing_statistics(model, truncation, seed=seed, typical=typical)
    device = device_of(model)
    batch = batch or batch_size(model.spec)
    parts = [torch.zeros(0, *model.spec.shape)]
    with evaluating(model), statistics:
        for first in range(0, n, batch):
            count = min(batch, n - first)
            part = None if condition is None else condition[first : first + count].to(device)
            noise = Noise(seed, start=start + first, block=1, device=device)
            parts.append(model.sample(count, condition=part, noise=noise, **options).detach().float().cpu())
    return torch.cat(parts)


def check_standing(standing: bool, truncation: float | None) -> None:
    """Refuse standing statistics where nothing is truncated.

    Raises:
        InputError: saying what is missing.
    """
    if standing and truncation is None:
        raise InputError("standing statistics are those of truncated latents: give a truncation, too")


def check_truncation(model: Model, truncation: float) -> None:
    """Refuse a truncation that a model cannot follow; see :func:`draw`.

    Raises:
        CapabilityError: when it has no latent to truncate.
        InputError: when the truncation is out of range.
    """
    if not isinstance(model, LatentSpace):
        raise CapabilityError(
            f"{type(model).__name__} has no latent to truncate, leave truncation out; generative adversarial "
            "networks have one"
        )
    if isinstance(model, StyleSpace) and not 0 <= truncation <= 1:
        raise InputError(
            f"truncation {truncation:g}: of a model with styles it lies between 0, the mean style, and 1, "
            "none at all"
        )
    if not 0 < truncation < math.inf and not isinstance(model, StyleSpace):
        raise InputError(f"truncation {truncation:g}: latents are drawn from [−t, t], so give a t above 0")


def batch_size(spec: DataSpec) -> int:
    """Examples that are handled together in an evaluation: 250, fewer when they are large."""
    return max(8, min(250, (1 << 22) // spec.size))


def device_of(model: Model) -> torch.device:
    """Device of a model's parameters (or buffers)."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def conditions_like(condition: Condition, spec: DataSpec, n: int) -> Condition:
    """Conditions of ``n`` samples, so that they resemble those of examples.

    Args:
        condition: of the examples, ``(m, …)``.
        spec: the data.
        n: how many samples.

    Returns:
        Classes in the same proportions, ``(n,)``; other conditions as they are, in turn.
    """
    if isinstance(condition, Tensor) and spec.condition is not None and spec.condition.kind == "class":
        return class_sequence(torch.bincount(condition, minlength=spec.num_classes).numpy(), n)
    return condition[torch.arange(n) % len(condition)]


def class_sequence(shares: ArrayLike, n: int) -> Tensor:
    """Class numbers that follow given shares as closely as any sequence can.

    The next label is the class that lacks most, so label i depends on i alone and equal shares
    give 0, 1, …, K − 1, 0, 1, … .

    Args:
        shares: weights of the classes ``(K,)``, ≥ 0 and not all 0.
        n: how many labels.

    Returns:
        int64 ``(n,)``.

    >>> class_sequence([2, 1, 1], 8).tolist()
    [0, 1, 2, 0, 0, 1, 2, 0]
    """
    weights: NDArray[np.float64] = np.asarray(shares, dtype=np.float64)
    weights = weights / weights.sum()
    counts = np.zeros_like(weights)
    labels = np.empty(n, dtype=np.int64)
    for i in range(n):
        lacking = np.round(weights * (i + 1) - counts, 9)  # ties go to the lower class number
        labels[i] = lacking.argmax()
        counts[labels[i]] += 1
    return torch.from_numpy(labels)
