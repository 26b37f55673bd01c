"""Protocols: stable hashes, refusals that spell out the differences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genus.core.errors import ProtocolError
from genus.metrics.protocol import Protocol

PROTOCOL = Protocol(
    data="mnist",
    fingerprint="abc",
    levels=256,
    reference="train",
    num_reference=10_000,
    num_samples=5_000,
    likelihood="test",
    num_likelihood=1_000,
    features="digits",
    features_fingerprint="def",
    seed=0,
    truncation=None,
    version=1,
)


def test_hash_is_stable() -> None:
    assert PROTOCOL.hash == "de74848313"
    assert Protocol(**PROTOCOL.to_json()) == PROTOCOL


def test_how_truncated_samples_are_normalised_is_told_and_old_hashes_stay() -> None:
    """The constant is the hash from before there was a choice."""
    training = replace(PROTOCOL, truncation=0.5)
    standing = replace(training, standing=True)
    assert training.hash == "6b0fd48d8e"
    assert standing.hash != training.hash
    assert Protocol(**standing.to_json()) == standing
    for first, second in ((training, standing), (standing, training)):
        with pytest.raises(ProtocolError, match=r"\(standing: "):
            first.require_same(second)


@pytest.mark.parametrize("name", list(PROTOCOL.to_json()))
def test_every_field_changes_the_hash_and_is_named_in_the_refusal(name: str) -> None:
    other = replace(PROTOCOL, **{name: 7 if name != "features" else "pixels"})
    assert other.hash != PROTOCOL.hash
    with pytest.raises(ProtocolError, match=rf"\({name}: "):
        PROTOCOL.require_same(other)
    PROTOCOL.require_same(replace(PROTOCOL))
