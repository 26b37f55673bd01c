"""Training steps of style-based and lightweight GANs against libraries that pip installs.

`python -m benchmarks.style`, after
`pip install --no-deps stylegan2-pytorch==1.9.0 lightweight-gan==1.2.1 kornia kornia_rs einops tqdm`.
Both libraries ask for a GPU and for packages that draw grids, read command lines and track
experiments when they are imported; empty modules take their places, for none of what is timed
uses them. Both sides take the same steps in the same loop: hinge losses, Adam, the generator's
images made anew for each player.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.harness import Turn, alternate, high_water, memory_line, start_table, timed
from genus.core.noise import Noise
from genus.networks.fastgan import fastgan
from genus.networks.fastgan_discriminator import fastgan_discriminator
from genus.networks.stylegan2 import stylegan2
from genus.networks.stylegan_discriminator import stylegan2_discriminator
from genus.training.optimizers import adam

BETAS = (0.5, 0.9)


class Pair:
    """Two players with their optimisers, and one step of their training.

    Args:
        generator: draws ``n`` images.
        discriminator: scores of images, and a loss of its own (0 for none).
        players: modules of both.
        optimisers: of both, in the order generator, discriminator.
        penalty: weight of the squared slope at real images; 0 for none.
    """

    def __init__(
        self,
        generator: Callable[[int], Tensor],
        discriminator: Callable[[Tensor, bool], tuple[Tensor, Tensor | float]],
        players: tuple[nn.Module, nn.Module],
        optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
        penalty: float,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.players, self.optimisers, self.penalty = players, optimisers, penalty

    def step(self, real: Tensor) -> None:
        """One update of the discriminator, then one of the generator, which alone keeps its graph."""
        for parameter in self.players[1].parameters():
            parameter.requires_grad_(True)
        with torch.no_grad():
            fake = self.generator(len(real))
        real = real.requires_grad_(self.penalty > 0)
        score, own = self.discriminator(real, True)
        loss = F.relu(1 - score).mean() + F.relu(1 + self.discriminator(fake, False)[0]).mean() + own
        if self.penalty:
            (slope,) = torch.autograd.grad(score.sum(), real, create_graph=True)
            loss = loss + self.penalty * slope.square().sum() / len(real)
        self._update(1, loss)
        for parameter in self.players[1].parameters():
            parameter.requires_grad_(False)
        self._update(0, -self.discriminator(self.generator(len(real)), False)[0].mean())
        real.requires_grad_(False)

    def _update(self, player: int, loss: Tensor) -> None:
        self.optimisers[player].zero_grad()
        loss.backward()
        self.optimisers[player].step()

    @property
    def sizes(self) -> str:
        """Millions of parameters of both players."""
        return " + ".join(f"{sum(p.numel() for p in m.parameters()) / 1e6:.1f}" for m in self.players)


def plain_adam(player: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of both libraries, as they make it."""
    return torch.optim.Adam(player.parameters(), 2e-4, BETAS)


def ours_stylegan2(side: int, penalty: float) -> Pair:
    """StyleGAN2 with 32 channels at the finest resolution, in the discriminator 64."""
    generator = stylegan2((512,), (3, side, side), width=32)
    discriminator = stylegan2_discriminator((3, side, side), (1,), width=64)
    return Pair(
        lambda n: generator(torch.randn(n, 512), noise=Noise(0)),
        lambda x, real: (discriminator(x), 0.0),
        (generator, discriminator),
        (adam(generator.parameters(), betas=BETAS), adam(discriminator.parameters(), betas=BETAS)),
        penalty,
    )


def rival_stylegan2(side: int, penalty: float) -> Pair:
    """The same channels: ``network_capacity`` 16, the library's default."""
    library = stylegan2_pytorch()
    mapping = library.StyleVectorizer(512, 8)
    generator = library.Generator(side, 512, 16)
    discriminator = library.Discriminator(side, 16)
    both = nn.ModuleList([mapping, generator])

    def draw(n: int) -> Tensor:
        styles = mapping(torch.randn(n, 512))[:, None].expand(-1, generator.num_layers, -1)
        return generator(styles, torch.rand(n, side, side, 1))

    return Pair(
        draw,
        lambda x, real: (discriminator(x)[0], 0.0),
        (both, discriminator),
        (plain_adam(both), plain_adam(discriminator)),
        penalty,
    )


def ours_fastgan(side: int, penalty: float) -> Pair:
    """FastGAN at the paper's width, without spectral norms, which the rival does not have."""
    generator = fastgan((256,), (3, side, side), width=64, spectral=False)
    discriminator = fastgan_discriminator((3, side, side), (1,), width=64, spectral=False)
    noise = Noise(0)
    return Pair(
        lambda n: generator(torch.randn(n, 256), noise=noise),
        lambda x, real: discriminator.forward_with_loss(x, noise) if real else (discriminator(x), 0.0),
        (generator, discriminator),
        (adam(generator.parameters(), betas=BETAS), adam(discriminator.parameters(), betas=BETAS)),
        penalty,
    )


def rival_fastgan(side: int, penalty: float) -> Pair:
    """The library's defaults but for attention, which is off; its blurs are off by default."""
    library = lightweight_gan()
    library.Blur = nn.Identity
    generator = library.Generator(image_size=side)
    discriminator = library.Discriminator(image_size=side)

    def score(x: Tensor, real: bool) -> tuple[Tensor, Tensor | float]:
        large, small, own = discriminator(x, calc_aux_loss=real)
        return torch.cat([large, small.flatten(1)], 1), own if real else 0.0

    return Pair(
        lambda n: generator(torch.randn(n, 256)),
        score,
        (generator, discriminator),
        (plain_adam(generator), plain_adam(discriminator)),
        penalty,
    )


def stylegan2_pytorch() -> Any:
    """The library's module, imported without what is not timed."""
    _stand_in("torchvision", transforms=types.ModuleType("transforms"))
    _stand_in("vector_quantize_pytorch", VectorQuantize=nn.Identity)
    _stand_in("fire")
    _stand_in("aim")
    with mock.patch("torch.cuda.is_available", return_value=True):
        from stylegan2_pytorch import stylegan2_pytorch as library
    return library


def lightweight_gan() -> Any:
    """The library's module, imported without what is not timed."""
    _stand_in("torchvision", transforms=types.ModuleType("transforms"))
    _stand_in("adabelief_pytorch", AdaBelief=torch.optim.Adam)
    with mock.patch("torch.cuda.is_available", return_value=True):
        from lightweight_gan import lightweight_gan as library
    return library


def _stand_in(name: str, **attributes: Any) -> None:
    module = types.ModuleType(name)
    for key, value in attributes.items():
        setattr(module, key, value)
    sys.modules.setdefault(name, module)


CASES: dict[str, tuple[Callable[[int, float], Pair], Callable[[int, float], Pair], int, int, float]] = {
    "stylegan2": (ours_stylegan2, rival_stylegan2, 64, 4, 0.0),
    "stylegan2-r1": (ours_stylegan2, rival_stylegan2, 64, 4, 5.0),
    "fastgan": (ours_fastgan, rival_fastgan, 128, 4, 0.0),
}
"""Ours, the rival's, side of the images, batch, weight of the penalty."""


def turn(pair: Pair, side: int, batch: int) -> Turn:
    """One step on noise."""
    real = torch.rand(batch, 3, side, side) * 2 - 1
    return timed(lambda: pair.step(real))


def peak(case: str, which: int) -> int:
    """Memory that one step adds at its peak to a process that has built both players, in MB."""
    warnings.simplefilter("ignore")
    make, side, batch, penalty = CASES[case][which], *CASES[case][2:]
    work = turn(make(side, penalty), side, batch)
    before = high_water()
    work()
    return (high_water() - before) // 1024


def main() -> None:
    """Run the named cases, or all, and print a Markdown table."""
    for name in start_table(__doc__, CASES):
        ours, rival, side, batch, penalty = CASES[name]
        pairs = ours(side, penalty), rival(side, penalty)
        title = f"{name} 3×{side}×{side}, batch {batch}, {pairs[0].sizes} vs {pairs[1].sizes} M parameters"
        print(alternate(title, *(turn(pair, side, batch) for pair in pairs), 5).line())
        print(memory_line(name, peak), flush=True)


if __name__ == "__main__":
    main()
