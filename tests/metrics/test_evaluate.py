"""Evaluation: what is measured for which model, under which protocol."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genus.core.batch import Batch
from genus.core.capabilities import Density, Samples
from genus.core.errors import DataError, InputError, ProtocolError, RecipeError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.registry import components, forget_components
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.data.digits import digits28
from genus.metrics.compare import compare_evaluations, table_text
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.features import DigitFeatures
from genus.metrics.quick import quick_reference, quick_scores

POINTS = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space(("a", "b", "c", "d")))
CENTRES = np.array([[0.0, 0.0], [0.0, 4.0], [4.0, 0.0], [4.0, 4.0]])
SIGMA = 0.2
ENTROPY = math.log(4) + 1 + math.log(2 * math.pi * SIGMA**2)


class Grid:
    """A mixture of four normals, as a source."""

    centres = CENTRES
    sigma = SIGMA

    def __init__(self, n: int, seed: int, spec: DataSpec = POINTS) -> None:
        rng = np.random.default_rng(seed)
        self.spec = spec
        self.labels = np.arange(n) % 4
        x = CENTRES[self.labels] + SIGMA * rng.standard_normal((n, 2))
        self.x = x.astype(np.float32)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: np.ndarray) -> Batch:
        labels = torch.from_numpy(self.labels[indices]) if self.spec.classes else None
        return Batch(torch.from_numpy(self.x[indices]), labels)


class Perfect(Model, Samples, Density):
    """The mixture itself; ``modes`` of its components."""

    kind = "exact"

    def __init__(self, modes: int = 4, spec: DataSpec = POINTS, *, conditional: bool = False) -> None:
        super().__init__(spec)
        self.modes = modes
        self.conditional = conditional
        self.asked: list[Tensor] = []
        self.unused = nn.BatchNorm1d(2)

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert not self.training
        assert (condition is not None) == self.conditional
        numbers = noise.integers(self.modes, n) if condition is None else condition
        self.asked.append(numbers)
        return torch.from_numpy(CENTRES).float()[numbers] + SIGMA * noise.normal(n, 2)

    def log_prob(self, x: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        squares = ((x[:, None] - torch.from_numpy(CENTRES).float()) ** 2).sum(-1)
        parts = -squares / (2 * SIGMA**2) - math.log(2 * math.pi * SIGMA**2) - math.log(4)
        return parts.logsumexp(1)


class SamplesOnly(Model, Samples):
    """A generator without a density, one mode."""

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return SIGMA * noise.normal(n, 2)


class Broken(SamplesOnly, Density):
    """NaN everywhere."""

    kind = "lower_bound"

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return torch.full((n, 2), torch.nan)

    def log_prob(self, x: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return torch.full((len(x),), torch.nan)


def _evaluate(
    model: Model,
    *,
    metrics: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
    n: int = 400,
    spec: DataSpec = POINTS,
    seed: int = 0,
) -> Evaluation:
    train, test = Grid(400, 0, spec), Grid(400, 1, spec)
    evidence = gather(model, train=train, test=test, data_name="grid", fingerprint="f", n=n, seed=seed)
    return measure(evidence, metrics, progress=progress)


@pytest.fixture(scope="module")
def perfect() -> Evaluation:
    return _evaluate(Perfect())


def test_a_perfect_model_is_as_good_as_the_floor(perfect: Evaluation) -> None:
    assert not perfect.refused
    names = [score.name for score in perfect.scores]
    expected = (
        "authenticity bits-per-dim c2st-logistic c2st-nearest copies coverage data-copying density "
        "energy-distance frechet frechet-limit high-quality kid max-sliced-wasserstein mmd-rbf "
        "mode-divergence modes nll parzen precision projected-wasserstein recall sinkhorn "
        "sliced-wasserstein vendi wasserstein-1 wasserstein-2"
    )
    assert set(expected.split()) <= set(names)  # and whatever is added
    for score in perfect.scores:
        assert score.low <= score.value <= score.high, score.name
        assert score.protocol == perfect.protocol.hash
        assert score.n == {"c2st-nearest": 800, "parzen": 200}.get(score.name, 400)
    for name in ("c2st-logistic", "c2st-nearest"):
        assert perfect[name].low <= 0.5 <= perfect[name].high
    assert abs(perfect["data-copying"].value) < 3
    assert perfect["copies"].value <= 0.02
    assert abs(perfect["mmd-rbf"].value) < 0.02
    assert perfect["modes"].value == perfect["modes"].floor == 4
    assert perfect["mode-divergence"].value < 0.02
    assert perfect["high-quality"].value == pytest.approx(0.989, abs=0.02)
    assert perfect["nll"].value == pytest.approx(ENTROPY, abs=0.2)
    assert perfect["nll"].low <= ENTROPY <= perfect["nll"].high
    assert perfect["bits-per-dim"].value == pytest.approx(perfect["nll"].value / (2 * math.log(2)))
    assert perfect["nll"].baseline == pytest.approx(ENTROPY, abs=0.5)
    assert perfect["frechet"].value < 0.3
    assert perfect["frechet"].floor is not None
    assert perfect["frechet"].baseline is not None
    assert perfect["frechet"].floor < 0.3
    assert perfect["frechet"].baseline < 0.3
    assert perfect["coverage"].value == pytest.approx(0.969, abs=0.04)
    with pytest.raises(KeyError):
        perfect["accuracy"]


@pytest.fixture(scope="module")
def poor() -> Evaluation:
    return _evaluate(SamplesOnly(POINTS))


def test_a_model_with_one_mode_is_found_out(perfect: Evaluation, poor: Evaluation) -> None:
    assert poor["modes"].value == 1
    assert poor["mode-divergence"].value == pytest.approx(math.log(4))
    assert poor["frechet"].value > 5
    assert poor["frechet"].low > perfect["frechet"].high
    assert poor["precision"].value > 0.8
    assert poor["recall"].value < 0.3
    assert poor["kid"].value > 10 * abs(perfect["kid"].value)
    assert poor["c2st-nearest"].low > 0.6
    for name in ("sliced-wasserstein", "max-sliced-wasserstein", "wasserstein-1", "sinkhorn", "mmd-rbf"):
        assert poor[name].low > perfect[name].high, name
    assert "nll" not in [score.name for score in poor.scores]


class Parrot(Model, Samples):
    """Repeats its training examples."""

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return torch.from_numpy(Grid(400, 0).x)[noise.integers(400, n)]


def test_a_model_that_repeats_the_training_examples_is_found_out(perfect: Evaluation) -> None:
    parrot = _evaluate(Parrot(POINTS), metrics=["memorisation", "two-sample"])
    assert parrot["authenticity"].value == 0
    assert parrot["copies"].value == 1
    assert parrot["data-copying"].high < -10
    assert parrot["c2st-nearest"].high < 0.5
    rows = compare_evaluations({"perfect": perfect, "parrot": parrot})
    (row,) = (row for row in rows if row.name == "data-copying")
    assert row.ranking == ["perfect", "parrot"]  # nearest to zero, not lowest
    assert row.separated
    same = compare_evaluations({"a": perfect, "b": perfect})
    assert not any(row.separated for row in same)


def test_few_training_examples_looked_at_are_said() -> None:
    found = measure(
        gather(
            Parrot(POINTS),
            train=Grid(400, 0),
            test=Grid(50, 1),
            data_name="g",
            fingerprint="f",
            num_reference=100,
        ),
        ["memorisation"],
    )
    assert "against 100 different training examples of 400" in found["copies"].note


def test_labels_asked_follow_the_training_examples() -> None:
    model = Perfect(conditional=True)
    _evaluate(model, metrics=["modes"])
    assert torch.cat(model.asked).tolist() == [i % 4 for i in range(400)]


def test_a_conditional_model_needs_labels() -> None:
    unlabelled = replace(POINTS, condition=None)
    found = _evaluate(Perfect(spec=unlabelled, conditional=True), spec=unlabelled)
    assert "labelled" in found.refused["frechet"]
    assert "nll" in [score.name for score in found.scores]


def test_undefined_scores_are_refused_and_the_rest_is_measured() -> None:
    found = _evaluate(Broken(POINTS))
    assert "NaN" in found.refused["frechet"]
    assert "log_prob is NaN" in found.refused["likelihood"]
    assert all(math.isfinite(score.value) for score in found.scores)


def test_missing_capabilities_are_said_when_asked_for_by_name() -> None:
    found = _evaluate(SamplesOnly(POINTS), metrics=["likelihood"])
    assert found.refused == {"likelihood": "SamplesOnly does not offer Density"}
    with pytest.raises(RecipeError, match="did you mean 'frechet'"):
        _evaluate(SamplesOnly(POINTS), metrics=["frechett"])


def test_few_samples_give_intervals_never_nan() -> None:
    found = _evaluate(Perfect(), n=10)
    assert list(found.refused) == ["frechet-limit"]  # a quarter of them has no full rank
    for score in found.scores:
        assert math.isfinite(score.value)
        assert score.low <= score.value <= score.high
    with pytest.raises(DataError, match="at least 10"):
        _evaluate(Perfect(), n=9)


def test_json_round_trip_and_tampering(perfect: Evaluation) -> None:
    text = perfect.to_json()
    assert Evaluation.from_json(text) == perfect
    fields = json.loads(text)
    fields["protocol"]["num_samples"] = 5000
    with pytest.raises(DataError, match="does not match its hash"):
        Evaluation.from_json(json.dumps(fields))
    for wrong in ("", "[]", "{}", '{"protocol": 3}'):
        with pytest.raises(DataError, match="not an evaluation"):
            Evaluation.from_json(wrong)


def test_unbounded_intervals_survive_json(perfect: Evaluation) -> None:
    open_ended = replace(perfect, scores=[replace(perfect["nll"], low=-math.inf, high=math.inf)])
    text = open_ended.to_json()
    assert "Infinity" not in text
    assert Evaluation.from_json(text) == open_ended


def test_evaluation_is_reproducible_and_leaves_the_model_alone(perfect: Evaluation) -> None:
    model = Perfect().train()
    assert _evaluate(model) == perfect
    assert model.training
    assert model.unused.training
    assert _evaluate(model, seed=1, metrics=["frechet"])["frechet"].value != perfect["frechet"].value


def test_floor_of_other_size_is_noted() -> None:
    small = measure(
        gather(SamplesOnly(POINTS), train=Grid(100, 0), test=Grid(40, 1), data_name="g", fingerprint="f"),
        ["frechet"],
    )
    assert small.protocol.num_samples == 100
    assert "halves of the reference, 50 against 50, so more biased than n = 100" in small["frechet"].note
    assert small["frechet"].floor is not None
    assert small["frechet"].floor < 1
    spare = measure(
        gather(
            SamplesOnly(POINTS),
            train=Grid(200, 0),
            test=Grid(40, 1),
            data_name="g",
            fingerprint="f",
            n=100,
            num_reference=100,
        ),
        ["frechet"],
    )
    assert "training examples outside the reference, same n" in spare["frechet"].note
    assert "test examples, same n" in _evaluate(Perfect(), metrics=["kid"])["kid"].note


def test_comparison_ranks_and_refuses(perfect: Evaluation, poor: Evaluation) -> None:
    rows = {row.name: row for row in compare_evaluations({"poor": poor, "perfect": perfect})}
    assert rows["frechet"].ranking == ["perfect", "poor"]
    assert rows["frechet"].separated
    assert rows["modes"].ranking == ["perfect", "poor"]
    assert rows["nll"].scores["poor"] is None
    text = table_text(list(rows.values()))
    line = next(line for line in text.splitlines() if line.startswith("frechet "))
    assert line.count("*") == 1
    assert line.index("*") > line.index("]")
    with pytest.raises(ProtocolError, match="num_samples: 400 against 300"):
        compare_evaluations({"a": perfect, "b": _evaluate(SamplesOnly(POINTS), n=300, metrics=[])})
    with pytest.raises(InputError, match="nothing to compare"):
        compare_evaluations({})


def test_a_bound_is_never_ranked_against_an_exact_value(perfect: Evaluation) -> None:
    def relabelled(kind: str) -> Evaluation:
        return replace(perfect, scores=[replace(perfect["nll"], kind=kind)])

    exact, bound = relabelled("exact, density"), relabelled("lower_bound, density")
    rows = compare_evaluations({"a": exact, "b": bound})
    assert [list(row.ranking) for row in rows] == [["a"], ["b"]]
    assert "*" not in table_text(rows)
    (row,) = compare_evaluations({"a": exact, "b": exact})
    assert row.ranking == ["a", "b"]
    assert "(*)" in table_text([row])
    energy = relabelled("unnormalised, density")
    (row,) = compare_evaluations({"a": energy, "b": energy})
    assert row.ranking == []


class ShowsOneClass(Model, Samples):
    """Draws the given digit, except that threes come out as eights."""

    conditional = True

    def __init__(self, spec: DataSpec, images: Tensor) -> None:
        super().__init__(spec)
        self.register_buffer("images", images)

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert condition is not None
        images = self.get_buffer("images")[torch.where(condition == 3, 8, condition)]
        return (images + 0.05 * noise.normal(*images.shape)).clamp(0, 1)


class Digits:
    """Ten noisy real digits over and over, as a source."""

    spec = DataSpec(
        example=Space(kind="image", shape=(1, 28, 28), range=(0.0, 1.0)),
        condition=class_space(tuple("0123456789")),
    )

    def __init__(self, images: Tensor, n: int, seed: int) -> None:
        self.labels = torch.arange(n) % 10
        noise = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
        self.x = (images[self.labels] + 0.05 * noise).clamp(0, 1)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: np.ndarray) -> Batch:
        rows = torch.from_numpy(indices)
        return Batch(self.x[rows], self.labels[rows])


def _one_of_each() -> Tensor:
    """Ten embedded digits that the network reads rightly."""
    batch = digits28().train.batch(np.arange(0, 4500, 25))
    assert batch.condition is not None
    net = DigitFeatures(Digits.spec)
    right = net.classify(batch.x).argmax(1) == batch.condition
    return torch.stack([batch.x[right & (batch.condition == k)][0] for k in range(10)])


def test_conditional_accuracy_and_classes_drawn() -> None:
    images = _one_of_each()
    found = measure(
        gather(
            ShowsOneClass(Digits.spec, images),
            train=Digits(images, 100, 0),
            test=Digits(images, 100, 1),
            data_name="mnist",
            fingerprint="f",
        ),
        ["accuracy", "classes-drawn", "frechet-per-class", "inception-score"],
    )
    assert found.protocol.features == "digits"
    inception = found["inception-score"]
    # ten samples in a split, in turn: eight classes once, eights twice, when all are read surely
    assert 6 < inception.value < np.exp(0.8 * np.log(10) + 0.2 * np.log(5))
    assert "at most 10 with 100 samples in 10 splits" in inception.note
    assert "worst: 3 (" in found["frechet-per-class"].note
    assert found["frechet-per-class"].value > 3 * (found["frechet-per-class"].floor or 0)
    assert len(found.protocol.features_fingerprint) == 64
    assert found["accuracy"].value == pytest.approx(0.9)
    assert found["accuracy"].floor == 1
    assert found["classes-drawn"].value == 9
    assert found["classes-drawn"].floor == 10


def test_quick_scores_rank_models_and_name_what_to_monitor() -> None:
    reference = quick_reference(Grid(400, 0), Grid(400, 1))
    good, poor = quick_scores(Perfect(), reference), quick_scores(SamplesOnly(POINTS), reference)
    assert list(good) == ["nll_per_dim", "frechet"]
    assert good["nll_per_dim"] == pytest.approx(ENTROPY / 2, abs=0.2)
    assert list(poor) == ["frechet"]
    assert good["frechet"] < poor["frechet"]
    assert quick_scores(Broken(POINTS), reference) == {"nll_per_dim": math.inf, "frechet": math.inf}
    assert quick_scores(Model(POINTS), reference) == {}
    assert quick_scores(Perfect(), reference) == good
    asked = Perfect(conditional=True)
    quick_scores(asked, reference, n=8)
    assert torch.cat(asked.asked).tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


PLUGIN = '''
"""A metric from elsewhere."""
from genus.core.capabilities import Samples
from genus.core.registry import metric
from genus.metrics.evidence import Evidence, needs
from genus.metrics.score import Score

@metric("largest")
@needs(Samples)
def largest(evidence: Evidence) -> list[Score]:
    """Largest element of all samples."""
    x = float(evidence.generated.values.max())  # NaN where a sample is
    return [Score(name="largest", value=x, low=x, high=x, n=len(evidence.generated), better="lower")]
'''


def test_a_plug_in_metric_is_picked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_metric_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    mine = {"genus.plugins": [importlib.metadata.EntryPoint("mine", "my_metric_plugin", "genus.plugins")]}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: mine.get(group, []))
    forget_components()
    try:
        assert "largest" in components("metric")
        found = _evaluate(SamplesOnly(POINTS))
        broken = _evaluate(Broken(POINTS), metrics=["largest"])
    finally:
        monkeypatch.undo()
        forget_components()
    assert found["largest"].value < 1.5
    assert broken.refused == {"largest": "largest is NaN; check the samples for NaN"}
    assert found["largest"].protocol == found.protocol.hash
