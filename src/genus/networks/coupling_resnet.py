"""The convolutional network inside a coupling."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from genus.core.errors import RecipeError
from genus.core.ranges import Count
from genus.core.registry import network
from genus.layers.convolution import convolution
from genus.layers.folding import depth_to_space, space_to_depth

LARGEST_SIDE = 16


@network("coupling-resnet", paper="arXiv:1605.08803")
def coupling_resnet(
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    *,
    width: Count = 64,
    blocks: Count = 1,
) -> nn.Module:
    """Residual network of weight-normalised convolutions that keeps the sides; 1-D, 2-D and 3-D.

    Sides above 16 are folded into channels first, and unfolded at the end: a convolution on a
    folded image sees farther and costs less.

    Args:
        inputs: channels, then 1 to 3 sides.
        outputs: channels, then the same sides.
        width: features of the convolutions.
        blocks: residual blocks of two 3-wide convolutions.

    Raises:
        RecipeError: for vectors, or when sides differ.
    """
    if len(inputs) < 2 or inputs[1:] != outputs[1:]:
        raise RecipeError(
            f"coupling-resnet maps images to images of the same sides, not {inputs} to {outputs}; "
            "choose mlp for vectors"
        )
    return CouplingResNet(inputs, outputs[0], width, blocks, -(-max(inputs[1:]) // LARGEST_SIDE))


class CouplingResNet(nn.Module):
    """The module behind :func:`coupling_resnet`.

    Args:
        inputs: channels, then sides.
        channels: of the output.
        width, blocks: as in :func:`coupling_resnet`.
        fold: side of the blocks folded into channels.
    """

    def __init__(self, inputs: tuple[int, ...], channels: int, width: int, blocks: int, fold: int) -> None:
        super().__init__()
        dims = len(inputs) - 1
        self.fold = fold

        def layer(before: int, after: int, size: int) -> nn.Module:
            return weight_norm(convolution(dims, before, after, size, padding=size // 2))

        self.first = layer(inputs[0] * fold**dims, width, 3)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ReLU(), layer(width, width, 3), nn.ReLU(), layer(width, width, 3))
            for _ in range(blocks)
        )
        self.last = layer(width, channels * fold**dims, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, *inputs)`` to ``(n, channels, *sides)``."""
        h = self.first(space_to_depth(x, self.fold))
        for block in self.blocks:
            h = h + block(h)
        return depth_to_space(self.last(F.relu(h)), self.fold, x.shape[2:])
