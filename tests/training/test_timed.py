"""The speed tables' turns (benchmarks/harness.py) are turns of one training that goes on."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import engine_turn

from genus.training.callbacks import Callback, Moment
from tests.tiny import tiny_config


class Counted(Callback):
    """Iterations as they are done."""

    def __init__(self) -> None:
        self.iterations: list[int] = []

    def stepped(self, moment: Moment) -> None:
        self.iterations.append(moment.iteration)


def test_every_turn_trains_as_many_iterations_more() -> None:
    config: dict[str, Any] = tiny_config("dcgan")
    counted = Counted()
    turn = engine_turn(config, [], 2, "iterations", [counted])
    spent = [turn() for _ in range(3)]
    assert counted.iterations == [1, 2, 3, 4, 5, 6]
    assert all(seconds > 0 for seconds in spent)
