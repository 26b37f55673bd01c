"""Samples that depend on the seed and their own number, and on nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import DrawsMeans, LatentSpace, Samples, StyleSpace
from genus.core.drawing import AS_TRAINED, ChoosesSampler, Drawing
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
    drawing: Drawing = AS_TRAINED,
    typical: Condition | None = None,
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
        drawing: choices beside these; by default those of the recipe.
        typical: for standing statistics: conditions of the data, ``(m, …)``. None for all classes alike.

    Returns:
        ``(n, *spec.shape)`` in data units, float32, on the CPU.

    Raises:
        CapabilityError: when the model cannot sample or follow ``drawing``, or has conditions of which
            ``typical`` ones are needed.
        InputError: for a choice out of range, see :func:`check_drawing`.
    """
    if not isinstance(model, Samples):
        raise CapabilityError(f"{type(model).__name__} cannot draw samples; ask for another score")
    check_drawing(model, drawing)
    options: dict[str, Any] = {"means": True} if drawing.means and isinstance(model, DrawsMeans) else {}
    if drawing.truncation is not None:
        options["truncation"] = drawing.truncation
    device = device_of(model)
    batch = batch or batch_size(model.spec)
    parts = [torch.zeros(0, *model.spec.shape)]
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        if isinstance(model, ChoosesSampler):
            stack.enter_context(model.sampled_by(drawing))
        if drawing.truncation is not None and drawing.standing:
            stack.enter_context(standing_statistics(model, drawing.truncation, seed=seed, typical=typical))
        for first in range(0, n, batch):
            count = min(batch, n - first)
            part = None if condition is None else condition[first : first + count].to(device)
            noise = Noise(seed, start=start + first, block=1, device=device)
            parts.append(model.sample(count, condition=part, noise=noise, **options).detach().float().cpu())
    return torch.cat(parts)


def check_drawing(model: Model, drawing: Drawing) -> None:
    """Refuse choices that a model cannot follow.

    Raises:
        CapabilityError: when it has no latent to truncate, no sampler to choose, or nothing that guides it.
        InputError: when the truncation is out of range, the sampler unknown or its steps too many.
    """
    if drawing.truncation is not None:
        _check_truncation(model, drawing.truncation)
    if isinstance(model, ChoosesSampler):
        with model.sampled_by(drawing):
            return
    if drawing.chooses_sampler:
        raise CapabilityError(
            f"{type(model).__name__} has no sampler to choose, leave sampler, steps and guidance out; "
            "diffusion models have one"
        )


def _check_truncation(model: Model, truncation: float) -> None:
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
