"""Batches: examples with their conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor


class Parts:
    """Conditions of several kinds, rows side by side: a tensor ``(n, …)`` for each part's name.

    Rows are taken as of a tensor, ``parts[2:4]``; a part by its name, ``parts["image"]``.

    Args:
        tensors: by name, all with the same first axis.

    >>> parts = Parts({"label": torch.tensor([3, 4]), "low": torch.zeros(2, 5)})
    >>> parts[1:]["label"], len(parts)
    (tensor([4]), 2)
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = dict(tensors)

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    @overload
    def __getitem__(self, key: str) -> Tensor: ...

    @overload
    def __getitem__(self, key: slice | Tensor) -> Parts: ...

    def __getitem__(self, key: str | slice | Tensor) -> Tensor | Parts:
        if isinstance(key, str):
            return self.tensors[key]
        return Parts({name: tensor[key] for name, tensor in self.tensors.items()})

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return next(iter(self.tensors.values())).device

    def repeated(self, n: int) -> Parts:
        """The only row, ``n`` times."""
        return Parts({name: part.expand(n, *part.shape[1:]) for name, part in self.tensors.items()})

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Parts:
        """Move to a device."""
        moved = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in self.tensors.items()}
        return Parts(moved)


Condition = Tensor | Parts
"""Conditions of a batch: a tensor ``(n, *space.shape)``, or one for each part of a composite space."""


def repeated(condition: Condition, n: int) -> Condition:
    """One condition ``(1, …)`` for each of ``n`` examples."""
    if isinstance(condition, Parts):
        return condition.repeated(n)
    return condition.expand(n, *condition.shape[1:])


def join_conditions(parts: list[Condition]) -> Condition:
    """Conditions of several batches as those of one."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat([part for part in parts if isinstance(part, Tensor)])
    named = [part for part in parts if isinstance(part, Parts)]
    return Parts({name: torch.cat([part.tensors[name] for part in named]) for name in first.tensors})


@dataclass(frozen=True)
class Batch:
    """Examples and what is known about them.

    Args:
        x: examples in data units, ``(n, *spec.shape)``; float32 with values in ``spec.range``, int64 for
            label maps and tokens.
        condition: ``(n, *spec.condition.shape)``, see :class:`genus.core.space.Space`; None when examples
            come alone. Where ``spec.paired`` is false, row i is any member of the second domain.
        observed: ``(n, *spec.shape)``, false where the value in ``x`` is not known; None when all are.
    """

    x: Tensor
    condition: Condition | None = None
    observed: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self, rows: slice) -> Batch:
        return Batch(
            self.x[rows],
            None if self.condition is None else self.condition[rows],
            None if self.observed is None else self.observed[rows],
        )

    def to(self, device: torch.device | str) -> Batch:
        """Move to a device."""
        return Batch(
            self.x.to(device, non_blocking=True),
            None if self.condition is None else self.condition.to(device, non_blocking=True),
            None if self.observed is None else self.observed.to(device, non_blocking=True),
        )
