"""Terms and limits on the weights of a network.

A regulariser receives a network and returns a weighted scalar of its parameters alone. It looks
at weights, not at biases or scales: parameters called weight with at least two axes, those of
embeddings excepted, each as a matrix with a row for each filter (what makes one output channel).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from genus.core.ranges import Weight
from genus.core.registry import regulariser

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


@regulariser("orthogonal", paper="arXiv:1809.11096")
def orthogonal(module: nn.Module, *, weight: Weight = 1e-4) -> Tensor:
    r"""Filters at right angles, whatever their length: β Σ_W ‖WWᵀ ⊙ (1 − I)‖²_F.

    Weights under spectral normalisation are taken before it, as they are the parameters.

    Args:
        module: the network.
        weight: β, >= 0.
    """
    return _sum(module, weight, _off_diagonal)


@regulariser("orthogonal-full", paper="arXiv:1609.07093")
def orthogonal_full(module: nn.Module, *, weight: Weight = 1e-4) -> Tensor:
    r"""Orthogonal filters of length 1: β Σ_W ‖WWᵀ − I‖²_F, in the square form of arXiv:1809.11096, eq. 2.

    Where there are more filters than numbers in one, WᵀW takes the place of WWᵀ: that changes the
    sum by a constant, so that 0 can be reached.

    Args:
        module: the network.
        weight: β, >= 0.
    """
    return _sum(module, weight, _away_from_identity)


def clip_weights(module: nn.Module, bound: float) -> None:
    """Force every parameter into [−bound, bound], the first way to keep a critic Lipschitz.

    Args:
        module: the critic, changed in place.
        bound: > 0; 0.01 in the paper.

    Paper: arXiv:1701.07875.

    >>> layer = nn.Linear(2, 1)
    >>> clip_weights(layer, 0.01)
    >>> bool(layer.weight.abs().max() <= 0.01)
    True
    """
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.clamp_(-bound, bound)


def filter_matrices(module: nn.Module) -> Iterator[Tensor]:
    """Weights of a network as matrices ``(filters, numbers in one)``, float32 at least."""
    for layer in module.modules():
        if isinstance(layer, _EMBEDDINGS):
            continue
        for name, value in _own_parameters(layer):
            if "weight" in name and value.dim() > 1:
                matrix = _by_filter(layer, value).flatten(1)
                yield matrix.to(torch.promote_types(matrix.dtype, torch.float32))


def _own_parameters(layer: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters of a layer without its children, those under a parametrisation as they are stored."""
    if isinstance(layer, ParametrizationList):
        return
    yield from layer.named_parameters(recurse=False)
    parametrized = getattr(layer, "parametrizations", None)
    if isinstance(parametrized, nn.ModuleDict):
        for name, stored in parametrized.items():
            original = getattr(stored, "original", None)
            if isinstance(original, nn.Parameter):
                yield name, original


def _by_filter(layer: nn.Module, value: Tensor) -> Tensor:
    """Bring the output channels to the front; transposed convolutions hold them second, by groups."""
    if not isinstance(layer, _TRANSPOSED):
        return value
    groups = layer.groups
    split = value.unflatten(0, (groups, value.shape[0] // groups))
    return split.transpose(1, 2).flatten(0, 1)


def _off_diagonal(matrix: Tensor) -> Tensor:
    products = matrix @ matrix.T
    return (products - torch.diag(products.diagonal())).square().sum()


def _away_from_identity(matrix: Tensor) -> Tensor:
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    products = wide @ wide.T
    return (products - torch.eye(len(wide), dtype=wide.dtype, device=wide.device)).square().sum()


def _sum(module: nn.Module, weight: float, term: Callable[[Tensor], Tensor]) -> Tensor:
    matrices = list(filter_matrices(module))
    kind = matrices[0].device.type if matrices else "cpu"
    with torch.autocast(kind, enabled=False):  # products near 0 are what is measured
        terms = [term(matrix) for matrix in matrices]
    return weight * torch.stack(terms).sum() if terms else torch.zeros(())
