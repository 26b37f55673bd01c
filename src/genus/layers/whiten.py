"""Correlations removed by an affine layer that is measured on data."""

from __future__ import annotations

import torch
from torch import Tensor

from genus.layers.measured import Measured, spread_of

SHRINKAGE = 0.05
"""Weight of the diagonal in covariances of classes, which are measured on few examples."""


class Whiten(Measured):
    """Remove correlations, in the data as a whole and then within each class.

    With the covariance of all data U Λ Uᵀ and their mean m, v = Λ^(−½) Uᵀ (x − m) has no
    correlations. Within class c, its leading coordinates have a mean μ_c and a covariance
    L_c L_cᵀ, and the others a mean and a variance each; they too are removed, and the result is
    rotated back to where it came from: y = U B_c (v − μ_c). Without classes y = U v.

    Cost: a matrix of size² numbers.

    Args:
        shape: of an example.
        classes: number of classes, 0 for none.
        leading: coordinates whose correlations are measured per class.
        own_units: divide each element by its own deviation first; for data whose units mean nothing.
        smallest: floor of the standard deviation along a direction.
    """

    count: Tensor
    total: Tensor
    products: Tensor
    class_count: Tensor
    class_total: Tensor
    class_squares: Tensor
    class_products: Tensor
    mean: Tensor
    unit: Tensor
    rotation: Tensor
    spread: Tensor
    centre: Tensor
    factor: Tensor
    scale: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        classes: int = 0,
        leading: int = 128,
        own_units: bool = False,
        smallest: float = 1e-3,
    ) -> None:
        super().__init__()
        size = int(torch.Size(shape).numel())
        self.classes = classes
        self.leading = min(leading, size)
        self.own_units = own_units
        self.smallest = smallest
        self.passes = 2 if classes else 1
        for name, value in {
            "count": torch.zeros(()), "total": torch.zeros(size), "products": torch.zeros(size, size),
            "mean": torch.zeros(size), "unit": torch.ones(size),
            "rotation": torch.eye(size), "spread": torch.ones(size),
            "class_count": torch.zeros(classes), "class_total": torch.zeros(classes, size),
            "class_squares": torch.zeros(classes, size),
            "class_products": torch.zeros(classes, self.leading, self.leading),
            "centre": torch.zeros(classes, size), "scale": torch.ones(classes, size),
            "factor": torch.eye(self.leading).repeat(classes, 1, 1),
        }.items():  # fmt: skip
            self.register_buffer(name, value.double())

    def statistics(self, x: Tensor, condition: Tensor | None, number: int) -> tuple[Tensor, ...]:
        """Sums of the first and second moments, of all data or of each class."""
        x = x.flatten(1).double()
        if number == 0:
            return x.new_tensor(float(len(x))), x.sum(0), x.T @ x
        assert condition is not None
        v = self._coordinates(x)
        parts = [v[condition == c] for c in range(self.classes)]
        return (
            torch.stack([part.new_tensor(float(len(part))) for part in parts]),
            torch.stack([part.sum(0) for part in parts]),
            torch.stack([part.square().sum(0) for part in parts]),
            torch.stack([part[:, : self.leading].T @ part[:, : self.leading] for part in parts]),
        )

    def add(self, statistics: tuple[Tensor, ...], number: int) -> None:
        """Add to the sums."""
        names = ("class_count", "class_total", "class_squares", "class_products")
        for name, part in zip(names if number else ("count", "total", "products"), statistics, strict=True):
            getattr(self, name).add_(part)

    def settle(self, number: int) -> None:
        """Set mean, rotation and spread of all data, or centre, factor and scale of each class."""
        if not (self.class_count if number else self.count).any():
            return
        if number == 0:
            self.mean.copy_(self.total / self.count)
            covariance = self.products / self.count - torch.outer(self.mean, self.mean)
            if self.own_units:
                self.unit.copy_(spread_of(self.products.diagonal() / self.count, self.mean, None))
                covariance = covariance / torch.outer(self.unit, self.unit)
            variances, directions = torch.linalg.eigh(covariance)
            self.rotation.copy_(directions.flip(1))
            self.spread.copy_(variances.flip(0).clamp_min(self.smallest**2).sqrt())
            return
        count = self.class_count.clamp_min(1)[:, None]
        self.centre.copy_(self.class_total / count)
        variance = (self.class_squares / count - self.centre.square()).clamp_min(self.smallest**2)
        self.scale.copy_(variance.sqrt())
        lead = self.centre[:, : self.leading]
        covariance = self.class_products / count[:, :, None] - lead[:, :, None] * lead[:, None]
        diagonal = torch.diag_embed(variance[:, : self.leading])
        self.factor.copy_(torch.linalg.cholesky((1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return y and ln |det ∂y/∂x|, ``(n,)``."""
        v = self._coordinates(x.flatten(1))
        slope = -(self.spread.log().sum() + self.unit.log().sum()).to(x.dtype).expand(len(x))
        if self.classes and condition is not None:
            v = v - self.centre[condition].to(v.dtype)
            rest = v[:, self.leading :] / self.scale[condition, self.leading :].to(v.dtype)
            v = torch.cat([self._solve(v[:, : self.leading], condition), rest], 1)
            slope = slope - self._class_volume()[condition].to(x.dtype)
        return (v @ self.rotation.T.to(v.dtype)).view_as(x), slope

    def inverse(self, y: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return x."""
        v = y.flatten(1) @ self.rotation.to(y.dtype)
        if self.classes and condition is not None:
            lead = torch.einsum("nij,nj->ni", self.factor.to(v.dtype)[condition], v[:, : self.leading])
            rest = v[:, self.leading :] * self.scale[condition, self.leading :].to(v.dtype)
            v = torch.cat([lead, rest], 1) + self.centre[condition].to(v.dtype)
        x = (v * self.spread.to(v.dtype)) @ self.rotation.T.to(v.dtype)
        wide = x.double() if self.own_units else x
        return (wide * self.unit.to(wide.dtype) + self.mean.to(wide.dtype)).to(v.dtype).view_as(y)

    def _coordinates(self, x: Tensor) -> Tensor:
        wide = x.double() if self.own_units else x  # differences of large numbers need the digits
        centred = ((wide - self.mean.to(wide.dtype)) / self.unit.to(wide.dtype)).to(x.dtype)
        return (centred @ self.rotation.to(x.dtype)) / self.spread.to(x.dtype)

    def _solve(self, lead: Tensor, condition: Tensor) -> Tensor:
        """L_c⁻¹ v for each example, one triangular system per class."""
        solved = torch.empty_like(lead)
        for c in condition.unique().tolist():
            factor = self.factor[c].to(lead.dtype)
            solved[condition == c] = torch.linalg.solve_triangular(
                factor, lead[condition == c].T, upper=False
            ).T
        return solved

    def _class_volume(self) -> Tensor:
        lead = self.factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return lead + self.scale[:, self.leading :].log().sum(1)
