"""Choice of the feature map: by default, by name, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genus.core.binder import build, resolve
from genus.core.errors import DataError, RecipeError, nearest
from genus.core.registry import components
from genus.core.spec import DataSpec
from genus.metrics.features.base import FeatureMap
from genus.metrics.features.digits import DIGITS

FILE_SUFFIX = ".safetensors"
"""How files of feature networks end."""

_OF_DIGITS = ("mnist", "digit-")
"""How the names of unlabelled digits begin."""


def default_features(spec: DataSpec, data_name: str = "") -> FeatureMap | None:
    """Choose the feature map for some data.

    ``digits`` for 1×28×28 images whose classes are the ten digits (or whose name says so),
    ``stacked-digits`` for those data, ``identity`` for vectors and other flat data, ``pixels`` for
    other images. None for tokens, whose numbers are names: distances between them mean nothing.

    Args:
        spec: the data.
        data_name: name of the data set; decides for unlabelled digits.
    """
    if spec.kind == "tokens":
        return None
    if data_name == "stacked-digits":
        return make_features("stacked-digits", spec)
    grey28 = spec.kind == "image" and spec.shape == (1, 28, 28)
    if grey28 and (spec.classes == DIGITS or (not spec.classes and data_name.startswith(_OF_DIGITS))):
        return make_features("digits", spec)
    return make_features("pixels" if len(spec.shape) > 1 else "identity", spec)


def make_features(source: str | Mapping[str, Any], spec: DataSpec) -> FeatureMap:
    """Build a feature map for some data.

    Args:
        source: name of a registered component, the same with its arguments
            (``{"name": "random", "size": 128}``), or path of a network that
            ``genus features train`` wrote.
        spec: the data.

    Raises:
        RecipeError: when no component has that name, naming the nearest.
        DataError: when the file does not exist or cannot be used, or the data do not fit.
    """
    if isinstance(source, str):
        check_features(source)
        if source not in components("features"):
            from genus.metrics.features.trained import load_features

            return load_features(source, spec)
    return build("features", resolve("features", source, "features"), spec)


def check_features(source: str) -> None:
    """Refuse what is neither a registered feature component nor a file, and what is not installed.

    Raises:
        RecipeError: for an unknown name; names the nearest.
        DataError: for a file that does not exist, or a component that needs something first.

    >>> check_features("pixels")
    """
    known = components("features")
    if source in known:
        known[source].load().require()
        return
    if Path(source).is_file():
        return
    if source.endswith(FILE_SUFFIX):
        raise DataError(f"there is no feature network {source!r}; make one with `genus features train DATA`")
    raise RecipeError(
        f"features: unknown features {source!r}{nearest(source, known)} (or the path of a network that "
        "`genus features train` wrote)"
    )
