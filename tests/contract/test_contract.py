"""What every recipe must keep; a new recipe is tested by existing."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.core.batch import Batch
from genus.core.capabilities import Density, Encodes, Samples
from genus.core.noise import Noise
from genus.core.phase import Progress
from genus.sampling.draw import draw
from genus.training.groups import Group
from genus.training.run import Run
from genus.training.update import Share, Updater
from tests.tiny import RECIPES, conditions_for, equal, tiny_config, tiny_engine, weights

pytestmark = pytest.mark.parametrize("name", RECIPES)


def without(config: Any, key: str, value: Any) -> Any:
    """The same configuration with every ``key`` set to ``value``."""
    if isinstance(config, dict):
        return {k: value if k == key else without(v, key, value) for k, v in config.items()}
    return [without(item, key, value) for item in config] if isinstance(config, list) else config


def test_phases_change_their_own_parameters_only(name: str, tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config(name), tmp_path / "run")
    engine.model.train()
    item = next(engine.stage_progress.loader("order").iterate(0))
    for index, stage in enumerate(engine.stage_progress.stages):
        engine.stage_progress.clock.stage = index
        if stage.enter:
            stage.enter()
        engine._make_groups()
        for phase in stage.phases:
            if phase.loss is None:
                continue  # closed forms change what they like
            groups = [engine.groups[group] for group in phase.updates]
            own = {id(p) for group in groups for p in group.parameters}
            before = {n: p.clone() for n, p in engine.model.named_parameters()}
            engine.updater.run(
                phase, groups, Share.of(item, engine.fabric.device), seed=1, progress=Progress()
            )
            changed = {n for n, p in engine.model.named_parameters() if not torch.equal(p, before[n])}
            foreign = {n for n, p in engine.model.named_parameters() if id(p) not in own}
            assert not changed & foreign, f"{phase.name} changed {changed & foreign}"
            if own:
                assert changed, f"{phase.name} changed nothing"


@pytest.fixture
def double() -> Iterator[None]:
    """Everything new is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
def test_accumulation_equals_the_full_batch(name: str, tmp_path: Path) -> None:
    config = tiny_config(name)
    # Batch statistics, dropped units and power iterations per forward pass are no sums over examples.
    for key, value in {"norm": "none", "dropout": 0.0, "spectral": False}.items():
        config = without(config, key, value)
    engine = tiny_engine(config, tmp_path / "run")
    if any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in engine.model.modules()):
        pytest.skip("batch normalisation looks at the whole batch by definition")
    item = next(engine.stage_progress.loader("order").iterate(0))
    for phase in (phase for stage in engine.stage_progress.stages for phase in stage.phases):
        if phase.whole_batch or phase.loss is None:
            continue
        gradients: list[list[torch.Tensor | None]] = []
        state = weights(engine.model)
        for parts in (1, 3):  # 12 examples at once, and 4 + 4 + 4
            engine.model.load_state_dict(state)  # `after` may have moved something
            parameters = [p for own in phase.updates.values() for p in own()]
            recorder = _Recorder(parameters)
            updater = Updater(engine.model, engine.fabric, accumulate=parts, clip=None)
            batch = Batch(item.batch.x.double(), item.batch.condition)
            share = Share(batch=batch, start=0, total=item.total)
            updater.run(phase, [Group("all", parameters, recorder)], share, seed=3, progress=Progress())
            gradients.append([None if g is None else g.clone() for g in recorder.seen])
        for whole, summed in zip(*gradients, strict=True):
            assert (whole is None) == (summed is None)
            if whole is not None:
                assert (whole - summed).abs().max() <= 1e-6 * (1 + whole.abs().max())


class _Recorder(torch.optim.SGD):
    """Keeps the gradients it is given instead of using them."""

    def __init__(self, parameters: list[torch.nn.Parameter]) -> None:
        super().__init__(parameters, lr=1.0)
        self.seen: list[torch.Tensor | None] = []

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.seen = [p.grad for p in self.param_groups[0]["params"]]


@pytest.mark.parametrize("workers", [0, 2])
def test_stop_and_resume_is_bit_identical(name: str, workers: int, tmp_path: Path) -> None:
    config = tiny_config(name, length=6, ema=0.9, workers=workers, save_every=1)
    if workers and name not in ("default", "gmm"):
        pytest.skip("reading in other processes is the loader's affair: two recipes are enough")
    straight = tiny_engine(config, tmp_path / "straight")
    straight.settings = straight.settings.model_copy(update={"keep": 100})
    straight.fit()
    run = tmp_path / "stopped"
    shutil.copytree(tmp_path / "straight", run)
    saved = sorted((run / "checkpoints").iterdir())
    for later in saved[len(saved) // 2 :]:
        shutil.rmtree(later)
    genus.resume(run)
    ours, theirs = straight.run.load(), Run(run).load()
    assert ours.number == theirs.number
    for stem in ours.tensors:
        assert equal(ours.tensors[stem], theirs.tensors[stem]), stem
    timeless = [{k: v for k, v in line.items() if "seconds" not in k} for line in straight.run.log_lines()]
    again = [{k: v for k, v in line.items() if "seconds" not in k} for line in Run(run).log_lines()]
    assert timeless == again


def test_a_checkpoint_rebuilds_the_model(name: str, tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config(name), tmp_path / "run")
    engine.fit()
    rebuilt = genus.load(tmp_path / "run")
    assert equal(weights(engine.published), weights(rebuilt))


def test_samples_depend_on_seed_and_number_alone(name: str, tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config(name), tmp_path / "run")
    engine.fit()
    model = engine.published.train()
    if not isinstance(model, Samples):
        pytest.skip("draws no samples")
    before = weights(model)
    labels = conditions_for(model, 8)
    sheets = [draw(model, 8, condition=labels, seed=5, batch=batch) for batch in (1, 3, 8)]
    assert sheets[0].shape == (8, *model.spec.shape)
    for other in sheets[1:]:
        assert (sheets[0] - other).abs().max() <= 1e-5
    assert equal(before, weights(model))
    assert model.training
    assert not torch.equal(sheets[0], draw(model, 8, condition=labels, seed=6))
    if model.spec.range is not None:
        assert sheets[0].min() >= model.spec.range[0]
        assert sheets[0].max() <= model.spec.range[1]


def test_capabilities_return_what_they_promise(name: str, tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config(name), tmp_path / "run")
    engine.fit()
    model = engine.published.eval()
    batch = next(engine.stage_progress.loader("order").iterate(0)).batch
    noise = Noise(0)
    with torch.no_grad():
        if isinstance(model, Density):
            x = (batch.x > 0.5).float() if model.levels == 2 else batch.x
            if model.levels:
                x = (x * (model.levels - 1)).round() / (model.levels - 1)
            values = model.log_prob(x, condition=batch.condition, noise=noise)
            assert values.shape == (len(batch),)
            assert torch.isfinite(values).all()
        if isinstance(model, Encodes):
            posterior = model.encode(batch.x)
            assert posterior.batch_shape == (len(batch),)
            assert model.decode(posterior.mean).shape == batch.x.shape


def test_it_can_be_evaluated_and_reported(name: str, tmp_path: Path) -> None:
    tiny_engine(tiny_config(name), tmp_path / "run").fit()
    evaluation = genus.evaluate(tmp_path / "run", n=40)
    assert evaluation.scores
    for score in evaluation.scores:
        assert math.isfinite(score.value), score
        assert not math.isnan(score.low), score
        assert score.low <= score.value + 1e-9 or score.name == "frechet-limit", score
    (tmp_path / "run" / "evaluation.json").write_text(evaluation.to_json())
    page = genus.report(tmp_path / "run").read_text()
    assert all(score.name in page for score in evaluation.scores)
