"""What models can do; a model can when it derives from the class, and all else asks by ``isinstance``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor
from torch.distributions import Distribution

from genus.core.batch import Batch, Condition
from genus.core.errors import InputError
from genus.core.noise import Noise, truncated_normal
from genus.core.noise_path import Estimate, NoisePath
from genus.core.space import Space
from genus.core.spec import DataSpec


class Samples(ABC):
    """Can draw new examples."""

    spec: DataSpec
    conditional: bool = False
    """Whether samples follow conditions of the data, ``spec.condition``."""
    codes: Space | None = None
    """A table that samples follow and that is not of the data: drawn, unless it is chosen."""

    @abstractmethod
    def sample(self, n: int, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Draw examples.

        Args:
            n: how many.
            condition: ``(n, *spec.condition.shape)``, for conditional models only; codes ``(n, size)``, NaN
                where they are drawn at random, for models with codes.
            noise: where all randomness comes from.

        Returns:
            ``(n, *spec.shape)`` in data units.
        """

    def condition_of(self, batch: Batch) -> Condition | None:
        """The conditions of a batch, if this model uses them."""
        return batch.condition if self.conditional else None

    def requested_or_uniform(self, n: int, condition: Condition | None, noise: Noise) -> Condition | None:
        """Conditions of ``n`` samples: those requested, else classes at random; None where there are none.

        Raises:
            InputError: when nothing is requested of a model whose condition is no class.
        """
        if not self.conditional or condition is not None:
            return condition if self.conditional else None
        space = self.spec.condition
        if space is None or space.kind != "class":
            known = "nothing" if space is None else space.describe()
            raise InputError(f"the model is conditioned on {known}: request conditions of the samples")
        return noise.integers(self.spec.num_classes, n)


class DrawsMeans(Samples):
    """Has a mean of p(x | what it drew first), which can be shown in place of a draw from it."""

    @abstractmethod
    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, means: bool = False
    ) -> Tensor:
        """As :meth:`Samples.sample`; with ``means`` without the last noise of a draw."""


class LatentSpace(Samples):
    """Draws examples by mapping a latent vector, which can be chosen."""

    latent: int
    """Numbers in a latent vector, standard normal."""

    def draw_latent(self, n: int, *, noise: Noise, truncation: float | None = None) -> Tensor:
        """Latents ``(n, latent)``; with ``truncation`` t each number is drawn from |z| ≤ t alone."""
        if truncation is None:
            return noise.normal(n, self.latent)
        return truncated_normal(noise.uniform(n, self.latent), truncation)

    @abstractmethod
    def generate_from(self, z: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Examples in data units from latents ``(n, latent)``; what else is random comes from ``noise``."""

    def sample(
        self, n: int, *, condition: Condition | None = None, noise: Noise, truncation: float | None = None
    ) -> Tensor:
        """As :meth:`Samples.sample`; with ``truncation``, quality is bought with diversity."""
        z = self.draw_latent(n, noise=noise, truncation=truncation)
        return self.generate_from(z, condition=condition, noise=noise)


class StyleSpace(LatentSpace):
    """Maps latents to styles first, which can be chosen, too."""

    @property
    @abstractmethod
    def num_styles(self) -> int:
        """Layers that take a style, coarse ones first."""

    @abstractmethod
    def map_latent(self, z: Tensor, *, condition: Condition | None = None) -> Tensor:
        """Styles ``(n, style_size)`` of latents ``(n, latent)``."""

    @abstractmethod
    def generate_from_styles(self, styles: Tensor, *, noise: Noise) -> Tensor:
        """Examples in data units from styles ``(n, style_size)``, or ``(n, layers, style_size)``."""


class Redraws(Samples):
    """Draws the one example it knows anew: at other sizes, from another image, or larger.

    It draws at ``num_scales`` sizes, the smallest first, each from the one before.
    """

    num_scales: int

    @abstractmethod
    def redraw(
        self,
        n: int,
        *,
        size: tuple[int, ...] | None = None,
        image: Tensor | None = None,
        start: int = 1,
        noise: Noise,
    ) -> Tensor:
        """Draw examples of any size, from noise or from an image.

        Args:
            n: how many.
            size: sides of what is drawn; None for those of the data.
            image: what to begin with in place of noise, ``(1, channels, *sides)`` in data units.
            start: with an image: the scale that sees it first, from 1 (much changes) to
                ``num_scales`` − 1 (little does).
            noise: where all randomness comes from.

        Returns:
            ``(n, channels, *size)`` in data units.
        """

    @abstractmethod
    def enlarge(self, image: Tensor, factor: float, *, noise: Noise) -> Tensor:
        """Draw images larger, with the detail that the known example has.

        Args:
            image: ``(n, channels, *sides)`` in data units.
            factor: of every side, > 1.
            noise: where all randomness comes from.

        Returns:
            ``(n, channels, *larger sides)`` in data units.
        """


class Clusters(ABC):
    """Sorts examples into groups that it found without labels."""

    @abstractmethod
    def clusters(self, x: Tensor) -> Tensor:
        """Logits ``(n, groups)`` of examples ``(n, *spec.shape)`` in data units."""


class Density(ABC):
    """Can evaluate a log-likelihood, or a bound on it."""

    kind: Literal["exact", "lower_bound", "estimate", "unnormalised"]
    """What :meth:`log_prob` returns; only equal kinds are ranked. An ``estimate`` has a normalising
    constant estimated by sampling."""

    levels: int | None = None
    """Discrete values an element may take: 2 for binary models, 256 for 8-bit images;
    None for continuous data. Likelihoods on different levels do not compare."""

    @abstractmethod
    def log_prob(self, x: Tensor, *, condition: Condition | None = None, noise: Noise) -> Tensor:
        """Log-likelihood in nats per example, ``(n,)``, in data units.

        With ``levels`` it is the log-probability of the discrete value (preprocessing and
        dequantisation included); without, the log-density of ``x`` as it was read.

        Args:
            x: ``(n, *spec.shape)``; values on the ``levels`` grid of ``spec.range``.
            noise: for bounds estimated by sampling, and for dequantisation.
        """

    def normaliser_error(self, noise: Noise) -> tuple[float, float]:
        """Nats by which an estimated log Z may be lower and higher than the one in :meth:`log_prob`.

        Both ≥ 0, and 0 unless ``kind`` is ``estimate``. With the noise of :meth:`log_prob`.
        """
        del noise
        return 0.0, 0.0


class Encodes(ABC):
    """Maps examples to latent codes and back."""

    @abstractmethod
    def encode(self, x: Tensor) -> Distribution:
        """Posterior over codes, batch shape ``(n,)``."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Mean example for codes ``(n, latent)``: ``(n, *spec.shape)`` in data units."""


class Classifies(ABC):
    """Recognises the classes of its data."""

    @abstractmethod
    def classify(self, x: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of examples ``(n, *spec.shape)`` in data units."""


class Recognises(Classifies):
    """Classifies by features that are of use without their classes, too."""

    num_features: int

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Features ``(n, num_features)`` of examples ``(n, *spec.shape)`` in data units."""

    @abstractmethod
    def read_out(self, features: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of features ``(n, num_features)``."""

    def classify(self, x: Tensor) -> Tensor:
        return self.read_out(self.features(x))


class Denoises(ABC):
    """Estimates what noisy examples are made of, along a path from data into noise; what samplers need."""

    path: NoisePath

    @abstractmethod
    def estimate(self, x: Tensor, time: Tensor, condition: Condition | None = None) -> Estimate:
        """Estimate the clean example and the noise in noisy examples, on the model's own scale.

        Args:
            x: noisy examples ``(n, *spec.shape)``.
            time: of the path, float64 ``(n,)``, above 0.
            condition: of each example.
        """
