"""States of optimisers as named tensors, so that they are saved without pickle."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genus.core.errors import CheckpointError


def optimizer_tensors(groups: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Flatten optimiser states to ``group/parameter number/name``."""
    return {
        f"{name}/{index}/{key}": value
        for name, optimizer in groups.items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimizers(
    groups: Mapping[str, torch.optim.Optimizer], tensors: Mapping[str, Tensor], kinds: Mapping[str, str]
) -> None:
    """Fill optimisers with states from :func:`optimizer_tensors`.

    Args:
        groups: the optimisers, without state.
        tensors: what was saved.
        kinds: class names of the optimisers that were saved.

    Raises:
        CheckpointError: when groups, optimisers or shapes differ from the checkpoint's.
    """
    ours = {name: type(optimizer).__name__ for name, optimizer in groups.items()}
    if ours != dict(kinds):
        raise CheckpointError(
            f"the run was trained by the optimisers {dict(kinds)}, not {ours}: their states do not "
            "fit, so keep optimizer.name, or start a new run"
        )
    for name, optimizer in groups.items():
        parameters = [p for g in optimizer.param_groups for p in g["params"]]
        fused = bool(optimizer.param_groups[0].get("fused"))
        for full, tensor in tensors.items():
            group, index, key = full.rsplit("/", 2)
            if group != name:
                continue
            if int(index) >= len(parameters):
                raise CheckpointError(f"optimiser group {name!r} has fewer parameters than saved")
            parameter = parameters[int(index)]
            if tensor.dim() and tensor.shape != parameter.shape:
                raise CheckpointError(f"optimiser group {name!r} has parameters of other shapes than saved")
            if tensor.shape == parameter.shape:  # keeps the parameter's memory layout
                value = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
            else:  # fused kernels keep their step count on the parameter's device
                value = tensor.to(parameter.device if fused or key != "step" else "cpu").clone()
            optimizer.state[parameter][key] = value.detach()
        _begin_momentum(optimizer)


def _begin_momentum(optimizer: torch.optim.Optimizer) -> None:
    """RMSProp makes its momentum at its first step only; a run may have been without until now."""
    for settings in optimizer.param_groups:
        if isinstance(optimizer, torch.optim.RMSprop) and settings["momentum"]:
            for parameter in settings["params"]:
                if state := optimizer.state.get(parameter):
                    state.setdefault("momentum_buffer", torch.zeros_like(parameter).detach())
