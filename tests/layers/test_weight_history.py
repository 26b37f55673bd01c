"""Historical averaging by hand, through a checkpoint and a copy."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from genus.layers.weight_history import WeightHistory


def player(*values: float) -> nn.Linear:
    layer = nn.Linear(len(values), 1, bias=False).double()
    move(layer, *values)
    return layer


def move(layer: nn.Linear, *values: float) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([values]))


def test_by_hand() -> None:
    """Past (1, 0) and (3, 4) have mean (2, 2); (5, 6) is 9 + 16 away, with gradient 2 (3, 4)."""
    layer = player(1, 0)
    history = WeightHistory(layer)
    move(layer, 9, 9)
    assert history().item() == 0  # there is no past yet
    for values in ((1, 0), (3, 4)):
        move(layer, *values)
        history.update()
    move(layer, 5, 6)
    assert history().item() == pytest.approx(25)
    (slope,) = torch.autograd.grad(history(), layer.weight)
    assert slope.tolist() == [[6.0, 8.0]]


def test_the_mean_is_of_all_the_past() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    history, past = WeightHistory(network), []
    for _ in range(50):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        history.update()
        past.append(nn.utils.parameters_to_vector(network.parameters()).detach().double())
    expected = (past[-1] - torch.stack(past).mean(0)).square().sum().item()
    assert history().item() == pytest.approx(expected, rel=1e-5)


def test_it_owns_means_and_no_parameters() -> None:
    layer = player(1, 2)
    whole = nn.ModuleDict({"player": layer, "history": WeightHistory(layer)})
    assert [name for name, _ in whole.named_parameters()] == ["player.weight"]
    assert set(whole.state_dict()) == {"player.weight", "history.count", "history.mean_0"}


def test_it_goes_on_after_a_checkpoint_and_watches_the_copy_in_a_copy() -> None:
    layer = player(1, 0)
    whole = nn.ModuleDict({"player": layer, "history": WeightHistory(layer)})
    history: WeightHistory = whole["history"]  # type: ignore[assignment]
    history.update()
    other_layer = player(0, 0)
    other = nn.ModuleDict({"player": other_layer, "history": WeightHistory(other_layer)})
    other.load_state_dict(whole.state_dict())
    twin = copy.deepcopy(whole)
    for one in (other, twin):
        move(one["player"], 3, 0)  # type: ignore[arg-type]
        one["history"].update()  # type: ignore[operator]
        assert one["history"]().item() == pytest.approx(1)  # type: ignore[operator]
    assert history().item() == 0


def test_means_keep_more_digits_than_half_precision() -> None:
    layer = nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    history = WeightHistory(layer)
    for value in [1.0] * 3 + [1.0078125]:
        with torch.no_grad():
            layer.weight.fill_(value)
        history.update()
    assert history.mean_0.item() == pytest.approx(1 + 0.0078125 / 4)  # type: ignore[operator]
