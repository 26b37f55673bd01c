"""Features of random networks."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import DataError, RecipeError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.features import FeatureMap, make_features

COLOUR = DataSpec(example=Space(kind="image", shape=(3, 40, 24), range=(0.0, 1.0)))


def examples(spec: DataSpec, n: int) -> torch.Tensor:
    """Uniform examples."""
    return torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 24), (2, 100), (1, 9, 2, 17), (1, 1, 1)])
def test_any_size_and_dimension(shape: tuple[int, ...]) -> None:
    spec = DataSpec(example=Space(kind="image", shape=shape, range=(0.0, 1.0)))
    net = make_features("random", spec)
    x = examples(spec, 7)
    whole = net(x)
    assert whole.shape == (7, net.size) == (7, 64)
    assert whole.dtype == torch.float32
    assert net(x[:0]).shape == (0, 64)
    torch.testing.assert_close(torch.cat([net(x[:3]), net(x[3:])]), whole)
    assert (whole.std(0) > 0).all()  # no feature is dead


def test_the_network_is_the_same_everywhere() -> None:
    net = make_features("random", COLOUR)
    assert net.fingerprint.startswith("025c9ee9ed08b51b")  # uniform numbers have no rounding of their own
    assert make_features("random", COLOUR).fingerprint == net.fingerprint


def test_seed_and_size_are_part_of_the_fingerprint() -> None:
    variants: list[FeatureMap] = [
        make_features({"name": "random", **options}, COLOUR)
        for options in ({}, {"seed": 1}, {"size": 10}, {"size": 65})
    ]
    assert len({net.fingerprint for net in variants}) == 4
    assert [net(examples(COLOUR, 2)).shape[1] for net in variants] == [64, 64, 10, 65]


def test_ranges_are_brought_to_the_same_scale() -> None:
    wide = DataSpec(example=Space(kind="image", shape=COLOUR.shape, range=(-100.0, 300.0)))
    x = examples(COLOUR, 3)
    torch.testing.assert_close(
        make_features("random", wide)(400 * x - 100), make_features("random", COLOUR)(x), rtol=1e-3, atol=1e-4
    )


def test_signals_keep_their_size() -> None:
    big = DataSpec(example=Space(kind="image", shape=(3, 64, 64)))
    x = torch.randn(8, *big.shape, generator=torch.Generator().manual_seed(0))
    assert 1e-3 < make_features("random", big)(x).std() < 10


def test_what_has_no_neighbours_is_refused() -> None:
    with pytest.raises(DataError, match="Use identity for vectors"):
        make_features("random", DataSpec(example=Space(kind="vector", shape=(5,))))
    with pytest.raises(RecipeError, match="did you mean 'seed'"):
        make_features({"name": "random", "sed": 3}, COLOUR)
