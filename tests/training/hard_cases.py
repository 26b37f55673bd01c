"""Small real instances of what is hard to train by data alone; each is an ordinary model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, softplus

from genus.core.batch import Batch
from genus.core.capabilities import Samples
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Stage, Terms
from genus.core.space import Space
from genus.core.spec import DataSpec

IMAGES = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0)))
PLANE = DataSpec(example=Space(kind="vector", shape=(2,)))


class GrowingGAN(Model, Samples):
    """A GAN that plays on 4×4 images first, then fades in layers for 8×8 (arXiv:1710.10196).

    How far it has grown is a buffer, set by ``enter`` and ``tick``.
    """

    fade: Tensor

    def __init__(self, spec: DataSpec = IMAGES) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.base, self.base_image = nn.Linear(4, 8 * 16), nn.Conv2d(8, 1, 1)
        self.block, self.block_image = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 1, 1)
        self.read, self.score = nn.Conv2d(1, 8, 1), nn.Linear(8 * 16, 1)
        self.read_block = nn.Conv2d(1, 8, 3, padding=1, stride=2)
        self.register_buffer("fade", torch.zeros(()))

    def stages(self) -> Sequence[Stage]:
        phases = [
            Phase(name="discriminator", updates={"d": self._critic}, loss=self.discriminator_loss),
            Phase(name="generator", updates={"g": self._generator}, loss=self.generator_loss),
        ]
        return [
            Stage(name="4×4", phases=phases, enter=lambda: self._set_fade(0.0)),
            Stage(
                name="8×8",
                phases=phases,
                enter=lambda: self._set_fade(max(float(self.fade), 1e-3)),
                tick=lambda progress: self._set_fade(min(1.0, 1e-3 + 2 * progress.fraction)),
            ),
        ]

    def _set_fade(self, value: float) -> None:
        self.fade.fill_(value)

    def _critic(self) -> list[nn.Parameter]:
        """Asked when a stage begins: the layers that are in use."""
        grown = [self.read_block] if self.fade > 0 else []
        return [p for part in (self.read, self.score, *grown) for p in part.parameters()]

    def _generator(self) -> list[nn.Parameter]:
        grown = [self.block, self.block_image] if self.fade > 0 else []
        return [p for part in (self.base, self.base_image, *grown) for p in part.parameters()]

    def generate(self, n: int, noise: Noise) -> Tensor:
        h = self.base(noise.normal(n, 4)).relu().unflatten(1, (8, 4, 4))
        small = self.base_image(h).sigmoid()
        if self.fade == 0:
            return small
        new = self.block_image(self.block(interpolate(h, scale_factor=2)).relu()).sigmoid()
        return torch.lerp(interpolate(small, scale_factor=2), new, self.fade)

    def critic(self, x: Tensor) -> Tensor:
        h = self.read(x if self.fade == 0 else avg_pool2d(x, 2))
        if self.fade > 0:
            h = torch.lerp(h, self.read_block(x), self.fade)
        return self.score(h.relu().flatten(1)).squeeze(1)

    def real(self, x: Tensor) -> Tensor:
        """Data as large as the networks are now."""
        return avg_pool2d(x, 2) if self.fade == 0 else x

    def discriminator_loss(self, batch: Batch, ctx: Context) -> Terms:
        fake = self.generate(len(batch), ctx.noise).detach()
        real = softplus(-self.critic(self.real(batch.x))).mean()
        return {"real": real, "fake": softplus(self.critic(fake)).mean()}

    def generator_loss(self, batch: Batch, ctx: Context) -> Terms:
        return {"loss": softplus(-self.critic(self.generate(len(batch), ctx.noise))).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        x = self.generate(n, noise)
        return interpolate(x, scale_factor=2) if self.fade == 0 else x


class BilinearGame(Model):
    """min_x max_y x·y, on which simultaneous descent spirals outwards.

    Consensus optimisation (arXiv:1705.10461) adds γ‖v‖²/2 to both losses, v the field of both
    players' gradients: one phase, two groups, and not a mean over samples.
    """

    def __init__(self, gamma: float) -> None:
        super().__init__(PLANE)
        self.gamma = gamma
        self.x, self.y = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def phases(self) -> Sequence[Phase]:
        updates = {"x": lambda: [self.x], "y": lambda: [self.y]}
        return [Phase(name="consensus", updates=updates, loss=self.loss, whole_batch=True)]

    def loss(self, batch: Batch, ctx: Context) -> Mapping[str, Terms]:
        value = self.x * self.y
        field = torch.autograd.grad(value, [self.x, self.y], create_graph=True)
        agreement = self.gamma / 2 * (field[0].square() + field[1].square())
        return {"x": {"value": value, "agreement": agreement}, "y": {"value": -value, "agreement": agreement}}


class VAEGAN(Model, Samples):
    """Reconstruction is measured by a critic's features (arXiv:1512.09300): one forward pass, three sums."""

    def __init__(self, spec: DataSpec = PLANE) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.encoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 4))
        self.decoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        self.features, self.score = nn.Sequential(nn.Linear(2, 16), nn.Tanh()), nn.Linear(16, 1)

    def phases(self) -> Sequence[Phase]:
        critic = lambda: [*self.features.parameters(), *self.score.parameters()]  # noqa: E731
        updates = {
            "encoder": self.encoder.parameters,
            "decoder": self.decoder.parameters,
            "critic": critic,
        }
        return [Phase(name="all", updates=updates, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> Mapping[str, Terms]:
        mean, logvar = self.encoder(batch.x).chunk(2, 1)
        again = self.decoder(mean + (logvar / 2).exp() * ctx.noise.normal(len(batch), 2))
        ctx.observe(error=(again - batch.x).square().sum(1).mean())
        real, fake = self.features(batch.x), self.features(again)
        kl = (mean.square() + logvar.exp() - logvar - 1).sum(1).mean() / 2
        reconstruction = (real - fake).square().sum(1).mean()
        players = softplus(-self.score(real)).mean() + softplus(self.score(fake)).mean()
        return {
            "encoder": {"kl": 0.01 * kl, "reconstruction": reconstruction},
            "decoder": {"reconstruction": reconstruction, "fooling": -0.01 * players},
            "critic": {"players": players},
        }

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return self.decoder(noise.normal(n, 2))


class TwoSteps(Model, Samples):
    """An auto-encoder first, then a density of its frozen codes (as in latent diffusion)."""

    def __init__(self, spec: DataSpec = PLANE) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.encoder, self.norm, self.decoder = nn.Linear(2, 1), nn.BatchNorm1d(1), nn.Linear(1, 2)
        self.mean, self.log_scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def stages(self) -> Sequence[Stage]:
        parts = (self.encoder, self.norm, self.decoder)
        auto = lambda: [p for part in parts for p in part.parameters()]  # noqa: E731
        code = lambda: [self.mean, self.log_scale]  # noqa: E731
        first = Phase(name="auto-encoder", updates={"auto-encoder": auto}, loss=self.auto_loss)
        second = Phase(name="prior", updates={"prior": code}, loss=self.prior_loss)
        return [
            Stage(name="codes", phases=[first], share=2, enter=lambda: self._freeze(False)),
            Stage(name="prior", phases=[second], enter=lambda: self._freeze(True)),
        ]

    def _freeze(self, frozen: bool) -> None:
        self.frozen = frozen

    def train(self, mode: bool = True) -> TwoSteps:
        """Keep the first step in evaluation mode while the second is trained."""
        super().train(mode)
        if getattr(self, "frozen", False):
            self.norm.eval()
        return self

    def encode(self, x: Tensor) -> Tensor:
        return self.norm(self.encoder(x))

    def auto_loss(self, batch: Batch, ctx: Context) -> Terms:
        return {"error": (self.decoder(self.encode(batch.x)) - batch.x).square().sum(1).mean()}

    def prior_loss(self, batch: Batch, ctx: Context) -> Terms:
        z = (self.encode(batch.x) - self.mean) / self.log_scale.exp()
        return {"nll": (z.square() / 2 + self.log_scale).mean()}

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return self.decoder(self.mean + self.log_scale.exp() * noise.normal(n, 1))
