"""Feature networks of the user's own, trained by ``genus features train`` and kept in one file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from genus.core.binder import build, resolve
from genus.core.capabilities import Recognises
from genus.core.errors import DataError, GenusError, InputError
from genus.core.model import Model
from genus.core.spec import DataSpec
from genus.metrics.features.base import ClassifyingFeatures, FeatureMap, in_parts, weights_digest

_KIND = "genus feature network "
FORMAT = f"{_KIND}2"
"""Kind and version of the file: 2 since examples and conditions are spaces."""


class TrainedFeatures(FeatureMap):
    """Features of a network that was trained on labelled data of the same shape and range.

    Args:
        spec: the data to be measured.
        net: the network, for examples like those.
        record: what :func:`write_features` wrote about it.
        fingerprint: SHA-256 of its weights and of that record.
    """

    def __init__(self, spec: DataSpec, net: Recognises, record: Mapping[str, Any], fingerprint: str) -> None:
        super().__init__(spec)
        self.name = f"trained on {record['data']}"
        self.size = net.num_features
        self.fingerprint = fingerprint
        self.note = (
            f"features: test accuracy {record['accuracy']:.2%} [{record['low']:.2%}, {record['high']:.2%}]"
        )
        self._net = net

    def __call__(self, x: Tensor) -> Tensor:
        return in_parts(self._net.features, x, self.size)


class TrainedClassifier(TrainedFeatures, ClassifyingFeatures):
    """The same where the network's classes are those of the data, whatever their order."""

    def __init__(self, spec: DataSpec, net: Recognises, record: Mapping[str, Any], fingerprint: str) -> None:
        super().__init__(spec, net, record, fingerprint)
        own = DataSpec.from_json(record["spec"]).classes
        self._order = [own.index(name) for name in spec.classes or own]

    def read_out(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return self._net.read_out(features)[:, self._order]


def load_features(path: str | Path, spec: DataSpec) -> TrainedFeatures:
    """Open a feature network for some data; runs no pickled code.

    The classes are read out where the data have the same ones, or none.

    Args:
        path: what ``genus features train`` wrote.
        spec: the data to be measured.

    Raises:
        DataError: when the file is damaged or of another kind, or the data do not fit it.
    """
    record, tensors = read_features(path)
    trained = DataSpec.from_json(record["spec"])
    if (spec.shape, spec.range) != (trained.shape, trained.range):
        raise DataError(
            f"the features of {path} are for {trained.describe()}; the data are: {spec.describe()}. Train "
            "a network on labelled data of this shape with `genus features train`"
        )
    try:
        net = build("model", resolve("model", record["model"], "model"), trained)
        net.load_state_dict(tensors)
    except (GenusError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise _unusable(path, str(error)) from None
    if not (isinstance(net, Model) and isinstance(net, Recognises)):
        raise _unusable(path, f"model {record['model'].get('name')!r} has no features")
    net.eval().requires_grad_(False)
    readable = not spec.classes or set(spec.classes) == set(trained.classes)
    kind = TrainedClassifier if readable else TrainedFeatures
    return kind(spec, net, record, str(record["sha256"]))


def write_features(path: str | Path, record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a feature network: one safetensors file with a record in its header.

    Args:
        path: file to make, replaced whole or not at all.
        record: ``model`` (resolved configuration), ``spec``, ``data``, ``data_fingerprint``, and
            the test ``accuracy`` with its interval ``low`` … ``high`` and ``test_examples``.
        tensors: the model's state.

    Raises:
        InputError: when the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "record": _canonical(record)}
    header["sha256"] = weights_digest(plain, header["record"])
    target = Path(path)
    draft = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        draft.write_bytes(save(plain, metadata=header))
        draft.replace(target)
    except (OSError, safetensors.SafetensorError) as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"cannot write {str(path)!r}: {error}") from None


def read_features(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a feature network and check it against its SHA-256.

    Returns:
        What is known about it (with ``sha256``), and its tensors.

    Raises:
        DataError: when the file is damaged or of another kind.
    """
    try:
        with safe_open(path, "pt") as file:
            header = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise _unusable(path, str(error)) from None
    found = header.get("format", "")
    if found != FORMAT:
        older = f"it is of format {found.removeprefix(_KIND)}, and this version reads {FORMAT[-1]}"
        raise _unusable(path, older if found.startswith(_KIND) else "its header is of another kind")
    if weights_digest(tensors, header.get("record", "")) != header.get("sha256"):
        raise _unusable(path, "its contents do not match its SHA-256")
    return {**json.loads(header["record"]), "sha256": header["sha256"]}, tensors


def _unusable(path: str | Path, reason: str) -> DataError:
    return DataError(
        f"{path} is no usable feature network of genus ({reason}); make one with `genus features train`"
    )


def _canonical(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=True)
