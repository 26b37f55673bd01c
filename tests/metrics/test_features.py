"""Feature maps."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from genus.core.errors import DataError, RecipeError
from genus.core.registry import components
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.metrics.features import (
    DIGIT_WEIGHTS,
    DIGITS,
    ClassifyingFeatures,
    DigitFeatures,
    DigitNet,
    default_features,
    digit_net_record,
    make_features,
)

GREY28 = DataSpec(
    example=Space(kind="image", shape=(1, 28, 28), range=(0.0, 1.0), levels=256),
    condition=class_space(DIGITS),
)
COLOUR = DataSpec(example=Space(kind="image", shape=(3, 40, 24), range=(0.0, 1.0)))
POINTS = DataSpec(example=Space(kind="vector", shape=(2,)))


def test_shipped_weights_are_small_and_say_how_good_they_are() -> None:
    assert DIGIT_WEIGHTS.stat().st_size <= 1_000_000
    record = digit_net_record()
    assert float(record["test_accuracy"]) >= 0.993
    assert record["seed"] == "0"
    parameters = sum(p.numel() for p in DigitNet().parameters())
    assert parameters == 130_474
    assert f"{parameters:,}" in (DigitNet.__doc__ or "")


def test_digit_network_reads_real_digits(shared_data: Path) -> None:
    folder = shared_data / "mnist"
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    x = torch.from_numpy(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()) / 255
    y = torch.from_numpy(np.frombuffer(labels, np.uint8, offset=8).copy())
    guess = DigitFeatures(GREY28).classify(x[:2000]).argmax(1)
    assert (guess == y[:2000]).float().mean() >= 0.988


def test_digit_features_do_not_depend_on_the_batch() -> None:
    net = DigitFeatures(GREY28)
    x = torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    whole = net(x)
    assert whole.shape == (300, net.size) == (300, 64)
    assert whole.dtype == torch.float32
    assert net(x[:0]).shape == (0, 64)
    torch.testing.assert_close(net.classify(x), net.read_out(whole))
    for size in (1, 7):
        torch.testing.assert_close(torch.cat([net(part) for part in x[:21].split(size)]), whole[:21])


def test_digit_network_resizes_and_averages_channels() -> None:
    x = torch.rand(2, 1, 14, 14)
    net = DigitFeatures(COLOUR)
    torch.testing.assert_close(net(x.expand(-1, 3, -1, -1)), net(x))
    flat = torch.full((1, 3, 57, 31), 0.5)
    torch.testing.assert_close(net(flat), net(torch.full((1, 1, 28, 28), 0.5)))


@pytest.mark.parametrize(
    ("spec", "name", "size"),
    [(GREY28, "digits", 64), (POINTS, "identity", 2), (COLOUR, "pixels", 3 * 16 * 16)],
)
def test_default_features(spec: DataSpec, name: str, size: int) -> None:
    chosen = default_features(spec, "something")
    assert chosen is not None
    assert (chosen.name, chosen.size) == (name, size)
    assert chosen(torch.rand(3, *spec.shape)).shape == (3, size)
    assert isinstance(chosen, ClassifyingFeatures) == (name == "digits")


def test_clothing_is_not_read_as_digits() -> None:
    clothing = DataSpec(
        example=Space(kind="image", shape=(1, 28, 28), range=(0.0, 1.0)),
        condition=class_space(tuple("abcdefghij")),
    )
    chosen = default_features(clothing, "clothing")
    assert chosen is not None
    assert chosen.name == "pixels"


def test_digits_without_classes_are_known_by_the_name_of_their_data() -> None:
    plain = DataSpec(example=Space(kind="image", shape=(1, 28, 28), range=(0.0, 1.0)))
    for name, expected in (("mnist-odd", "digits"), ("digit-attributes", "digits"), ("clothing", "pixels")):
        chosen = default_features(plain, name)
        assert chosen is not None
        assert chosen.name == expected


def test_token_numbers_have_no_default_features() -> None:
    assert default_features(DataSpec(example=Space(kind="tokens", shape=(16,), levels=50))) is None


def test_pixels_average_areas_and_keep_small_images() -> None:
    small = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0)))
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(make_features("pixels", small)(x), x.flatten(1))
    big = DataSpec(example=Space(kind="image", shape=(1, 32, 32), range=(0.0, 1.0)))
    y = torch.rand(2, 1, 32, 32)
    means = y.view(2, 16, 2, 16, 2).mean((2, 4)).flatten(1)
    torch.testing.assert_close(make_features("pixels", big)(y), means)


def test_pixels_take_volumes() -> None:
    volume = DataSpec(example=Space(kind="volume", shape=(1, 32, 8, 20), range=(0.0, 1.0)))
    assert make_features("pixels", volume)(torch.rand(2, 1, 32, 8, 20)).shape == (2, 16 * 8 * 16)


def test_every_component_of_its_kind_is_registered() -> None:
    assert {"digits", "identity", "pixels"} <= set(components("features"))


def test_unfit_data_are_refused() -> None:
    with pytest.raises(DataError, match="need images"):
        make_features("digits", POINTS)
    with pytest.raises(DataError, match="need images"):
        make_features("pixels", POINTS)
    with pytest.raises(RecipeError, match="did you mean 'digits'"):
        make_features("digit", GREY28)
