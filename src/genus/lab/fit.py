"""Small networks fitted to convergence: the whole problem at once, by a quasi-Newton method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def fit(
    module: nn.Module, loss: Callable[[], Tensor], *, iterations: int, clip: float | None = None
) -> list[float]:
    """Minimise a loss over the parameters of a module by L-BFGS, in place.

    For problems that fit into one deterministic evaluation; what is trained on batches is a
    recipe's business.

    Args:
        module: whose parameters change.
        loss: of the module as it is, a scalar; the same value whenever the parameters are.
        iterations: at most.
        clip: largest absolute value of a parameter, or None.

    Returns:
        The loss after each iteration.
    """
    parameters = list(module.parameters())
    dtype = parameters[0].dtype
    path: list[float] = []

    def evaluate(vector: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        vector_to_parameters(torch.as_tensor(vector, dtype=dtype), parameters)
        value = loss()
        slopes = torch.autograd.grad(value, parameters, allow_unused=True)
        full = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, slopes, strict=True)]
        return float(value.detach()), parameters_to_vector(full).double().numpy()

    def remember(intermediate_result: optimize.OptimizeResult) -> None:
        path.append(float(intermediate_result.fun))

    start = parameters_to_vector(parameters).detach().double().numpy()
    solved = optimize.minimize(
        evaluate,
        start if clip is None else start.clip(-clip, clip),
        jac=True,
        bounds=None if clip is None else optimize.Bounds(-clip, clip),
        method="L-BFGS-B",
        callback=remember,
        options={"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-9},
    )
    vector_to_parameters(torch.as_tensor(solved.x, dtype=dtype), parameters)
    return path
