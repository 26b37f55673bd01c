"""The doctor beside real trainings: what it says live, keeps, costs, and does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.assembly import health_hook, open_data
from genus.core.batch import Batch
from genus.core.errors import NonFiniteError
from genus.core.model import Model
from genus.core.phase import Context, Phase, Terms
from genus.core.recipe import load_recipe
from genus.core.train_settings import TrainSettings
from genus.training.adjustment import Adjustment
from genus.training.callbacks import Callback, Moment
from genus.training.doctor.checkup import check_up, run_fraction
from genus.training.doctor.doctor import FREE_SECONDS, LADDER, Doctor
from genus.training.doctor.finding import Finding
from genus.training.doctor.observer import DoctorObserver
from genus.training.doctor.record import add_to_record, read_record, rewind_record
from genus.training.engine import Engine
from tests.terminal import genus_says as genus_says
from tests.training.doctor.histories import GOOD_SIGNS, game, line
from tests.training.harness import PLANE, Line, make_engine, same, timeless_log

WILD: dict[str, Any] = {
    "model": {
        "name": "gan", "latent": 4, "objective": "non-saturating",
        "generator": {"name": "mlp", "hidden": [16]}, "discriminator": {"name": "mlp", "hidden": [16]},
    },
    "optimizer": {"name": "adam", "lr": 0.05, "betas": [0.9, 0.9]},
    "data": {"name": "ring", "n": 500},
    "train": {"length": 120, "batch": 16, "log_every": 1, "save_every": 30, "keep": 100,
              "sample_every": 1000, "device": "cpu"},
}  # fmt: skip
"""Two small players that chase each other."""


def wild(**train: Any) -> dict[str, Any]:
    """The wild recipe with other settings of training."""
    return {**WILD, "train": {**WILD["train"], **train}}


class Hears(Callback):
    """What the doctor says."""

    def __init__(self) -> None:
        self.findings: list[tuple[int, Finding]] = []
        self.treatments: list[tuple[int, str]] = []
        self.rates: list[float] = []

    def found(self, moment: Moment, finding: Finding) -> None:
        self.findings.append((moment.iteration, finding))

    def treated(self, moment: Moment, says: str) -> None:
        self.treatments.append((moment.iteration, says))


class Grows(Line):
    """Its loss doubles with every iteration until it overflows."""

    def loss(self, batch: Batch, ctx: Context) -> Terms:
        factor = 8.0 ** min(max(ctx.progress.iteration - 20, 0), 60)
        return {"square": super().loss(batch, ctx)["square"] * factor}


def doctor_of(run: Path, **options: Any) -> Doctor:
    """A doctor without a recipe."""
    return Doctor(run / "doctor.jsonl", **options)


def observer_of(run: Path, *audience: Callback, **options: Any) -> DoctorObserver:
    """The callback through which a doctor without a recipe sees a training."""
    return DoctorObserver(doctor_of(run, **options), TrainSettings(length=100), 24, audience)


# --- live --------------------------------------------------------------------------------------


def test_findings_come_once_live_and_are_kept(tmp_path: Path) -> None:
    heard = Hears()
    run = genus.train(wild(), out=tmp_path / "run", callbacks=[heard])
    assert "oscillation" in {finding.name for _, finding in heard.findings}
    assert len({finding.name for _, finding in heard.findings}) == len(heard.findings)
    assert heard.treatments == []
    kept = [row["finding"] for row in read_record(run.doctor_path) if "finding" in row]
    assert kept == [json.loads(json.dumps(finding.to_json())) for _, finding in heard.findings]
    for iteration, finding in heard.findings:
        assert finding.since == iteration
        for change in finding.advice:
            genus.show(dict(run.recipe.config), change.overrides)  # else it is no advice
    again = genus.doctor(run)
    assert {f.name: f.since for f in again.findings} == {f.name: i for i, f in heard.findings}


def test_watching_changes_nothing(tmp_path: Path) -> None:
    runs = {how: genus.train(wild(doctor=how), out=tmp_path / how) for how in ("off", "watch")}
    same(runs["off"].load(), runs["watch"].load())
    assert timeless_log(runs["off"]) == timeless_log(runs["watch"])
    assert not runs["off"].doctor_path.exists()
    assert runs["watch"].doctor_path.exists()


def test_nan_is_said_ahead_and_afterwards(tmp_path: Path) -> None:
    heard = Hears()
    engine = make_engine(
        Grows(),
        tmp_path / "run",
        length=90,
        optimizer={"name": "sgd", "lr": 1e-30},
        callbacks=[heard, observer_of(tmp_path / "run", heard)],
    )
    with pytest.raises(NonFiniteError):
        engine.fit()
    ends = engine.stage_progress.clock.iteration + 1
    (at, first), *_ = [(i, f) for i, f in heard.findings if f.name == "nan-ahead"]
    assert at < ends - 10, "well ahead: 8^3 is above 100"
    assert "still rises" in first.says
    last = list(engine.run.log_lines())[-1]
    assert last["iteration"] == ends
    assert "failure" in last
    checkup = check_up(engine.run)
    assert checkup.findings[0].name == "nan-ahead"
    assert not checkup.healthy


# --- act ---------------------------------------------------------------------------------------


def test_act_halves_the_rates_and_says_so(tmp_path: Path) -> None:
    heard = Hears()
    run = genus.train(wild(doctor="act"), out=tmp_path / "run", callbacks=[heard])
    assert heard.treatments
    at, says = heard.treatments[0]
    assert says == "against oscillation, all learning rates are halved"
    assert at == {f.name: i for i, f in heard.findings}["oscillation"]
    treatment = run.load().state["adjustment"]
    halvings = sum("all learning rates" in text for _, text in heard.treatments)
    assert treatment["rates"][""] == 0.5**halvings
    assert genus.doctor(run).treatments == heard.treatments
    watched = genus.train(wild(), out=tmp_path / "watched")
    assert any(
        not torch.equal(run.load().tensors["model"][n], t) for n, t in watched.load().tensors["model"].items()
    )


@pytest.mark.parametrize("kept", [30, 60, 90])
def test_a_treated_run_resumes_bit_for_bit(kept: int, tmp_path: Path) -> None:
    straight = genus.train(wild(doctor="act"), out=tmp_path / "straight")
    treated = [row["iteration"] for row in read_record(straight.doctor_path) if "treatment" in row]
    assert treated, "else there is nothing to resume"
    assert treated[0] > 20
    shutil.copytree(tmp_path / "straight", tmp_path / "stopped")
    for path in (tmp_path / "stopped" / "checkpoints").iterdir():
        if int(path.name) > kept:
            shutil.rmtree(path)
    again = genus.resume(tmp_path / "stopped")
    same(straight.load(), again.load())
    assert timeless_log(straight) == timeless_log(again)
    assert straight.load().state["adjustment"] == again.load().state["adjustment"]
    assert [row for row in read_record(again.doctor_path) if "treatment" in row] == [
        row for row in read_record(straight.doctor_path) if "treatment" in row
    ]


def test_resuming_with_watch_lifts_the_treatment(tmp_path: Path) -> None:
    run = genus.train(wild(doctor="act"), out=tmp_path / "run")
    assert run.load().state["adjustment"]["rates"]
    genus.resume(run, overrides=["train.doctor=watch", "train.length=125"])
    assert run.load().state["adjustment"] == {"rates": {}, "clip": None}


def test_exploding_gradients_are_clipped_at_what_they_were(tmp_path: Path) -> None:
    doctor = doctor_of(tmp_path, act=True)
    curves = game(
        generator__gradient=lambda i: 0.5 if i < 30 else 500.0,
        discriminator__gradient=lambda i: 2.0 if i < 30 else 900.0,
    )
    orders = []
    for i in range(100):
        _, new = doctor.read(line(i + 1, {name: curve(i) for name, curve in curves.items()}))
        orders += [(i, order) for order in new]
    assert [order.treatment.clip for _, order in orders] == [2.0, 2.0]
    assert [order.treatment.rate("any") for _, order in orders] == [0.5, 0.25]
    assert orders[1][0] - orders[0][0] == 40, "the window must have passed before it is treated again"


def test_a_winning_discriminator_is_slowed_alone_and_at_most_three_times(tmp_path: Path) -> None:
    doctor = doctor_of(tmp_path, act=True)
    won = game(
        discriminator__real_right=lambda i: 1.0,
        discriminator__fake_right=lambda i: 1.0,
        discriminator__loss=lambda i: 1.39 * 0.9**i,
    )
    for i in range(400):
        doctor.read(line(i + 1, {name: curve(i) for name, curve in won.items()}))
    assert doctor.treatment == Adjustment({"discriminator": 0.125}, None)
    assert doctor.treatment.rate("discriminator") == 0.125
    assert doctor.treatment.rate("generator") == 1.0


def test_the_engine_scales_rates_and_clips(tmp_path: Path) -> None:
    class Orders(Doctor):
        def read(self, line: Mapping[str, Any]) -> Any:
            if line["iteration"] == 2:
                self.treatment = Adjustment({"": 0.5, "line": 0.5}, 1e-3)
            return [], []

    def trained(folder: Path, *, act: bool) -> Engine:
        observer = DoctorObserver(Orders(folder / "doctor.jsonl", act=act), TrainSettings(length=4), 24)
        engine = make_engine(
            Line(), folder, optimizer={"name": "sgd", "lr": 0.4}, length=4, callbacks=[observer]
        )
        engine.fit()
        return engine

    acted, watched = trained(tmp_path / "act", act=True), trained(tmp_path / "watch", act=False)
    assert acted.groups["line"].optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert acted.updater.clip == 1e-3
    assert watched.groups["line"].optimizer.param_groups[0]["lr"] == 0.4
    assert watched.updater.clip is None
    assert Adjustment(clip=3.0).clipped(2.0) == 2.0
    assert Adjustment().clipped(None) is None


# --- looks -------------------------------------------------------------------------------------


def test_looks_stop_when_they_cost_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    asked: list[int] = []

    def expensive(model: Model, n: int) -> dict[str, float]:
        asked.append(n)
        now[0] += n * cost
        return dict(GOOD_SIGNS)

    monkeypatch.setattr("genus.training.doctor.doctor.time.perf_counter", lambda: now[0])
    where: dict[str, Any] = {"iteration": 5, "fraction": 0.5}
    cost = FREE_SECONDS / 1000  # a look takes a quarter of what is free
    doctor = doctor_of(tmp_path, look=expensive)
    doctor.look(Line(), seconds=0.0, **where)
    assert asked == [LADDER[0], *LADDER]
    for _ in range(5):
        doctor.look(Line(), seconds=0.0, **where)
    assert asked.count(LADDER[-1]) == 3, "then the free second is used up"
    assert doctor.spent <= FREE_SECONDS
    doctor.look(Line(), seconds=60.0, **where)
    assert asked.count(LADDER[-1]) == 4, "training for longer pays for another one"
    asked.clear()
    cost = FREE_SECONDS / 10
    doctor = doctor_of(tmp_path, look=expensive)
    doctor.look(Line(), seconds=0.0, **where)
    assert max(asked) == 1, "16 would cost more than is allowed"
    assert [row["iteration"] for row in read_record(tmp_path / "doctor.jsonl") if "look" in row] == [5] * 4


def test_models_that_do_not_sample_and_data_without_distances_are_not_looked_at(tmp_path: Path) -> None:
    doctor = doctor_of(tmp_path)
    assert doctor.look(Line(), iteration=1, fraction=0.5, seconds=100.0) == []
    doctor = doctor_of(tmp_path, look=lambda model, n: {})
    assert doctor.look(Line(), iteration=1, fraction=0.5, seconds=100.0) == []
    assert not (tmp_path / "doctor.jsonl").exists()


def test_a_look_at_a_collapsed_model_is_told_live(tmp_path: Path) -> None:
    doctor = doctor_of(tmp_path, look=lambda model, n: {**GOOD_SIGNS, "spacing": 0.0})
    found = [doctor.look(Line(), iteration=i, fraction=i / 10, seconds=100.0) for i in range(1, 8)]
    assert [[finding.name for finding in new] for new in found] == [[], [], [], ["mode-collapse"], [], [], []]


# --- the record --------------------------------------------------------------------------------


def test_the_record_is_rewound_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "doctor.jsonl"
    rewind_record(path, 3)
    for iteration in (1, 5, 9):
        add_to_record(path, {"iteration": iteration})
    with path.open("a") as file:
        file.write('{"iteration": 10, "lo')
    assert [row["iteration"] for row in read_record(path)] == [1, 5, 9]
    rewind_record(path, 5)
    assert [row["iteration"] for row in read_record(path)] == [1, 5]


def test_a_doctor_that_begins_again_knows_what_was(tmp_path: Path) -> None:
    log = [line(i + 1, {name: curve(i) for name, curve in game().items()}) for i in range(60)]
    first = doctor_of(tmp_path)
    for row in log:
        first.read(row)
    second = doctor_of(tmp_path)
    second.begin(log, 60)
    assert second.examiner.streaks == first.examiner.streaks
    assert second.examiner.history.series["generator/loss"].recent == (
        first.examiner.history.series["generator/loss"].recent
    )
    second.begin(log, 30)
    assert second.examiner.history.iteration == 30


# --- genus doctor and the report ---------------------------------------------------------------


def test_genus_doctor_on_a_sick_run(tmp_path: Path, genus_says: Any) -> None:
    run = genus.train(wild(), out=tmp_path / "run")
    said = genus_says("doctor", run.path)
    assert said.code == 0
    assert "oscillation (mild; iterations" in said.out
    assert f"helps     genus train {run.path}/recipe.yaml optimizer.lr=0.005" in said.out
    assert "evidence  swing" in said.out
    found = json.loads(genus_says("doctor", "--json", run.path).out)
    assert not found["healthy"]
    assert "oscillation" in {finding["name"] for finding in found["findings"]}


def test_genus_doctor_draws_samples_where_none_were_seen(tmp_path: Path, genus_says: Any) -> None:
    recipe = {
        "model": {"name": "gmm", "components": 8}, "data": {"name": "ring", "n": 500},
        "train": {"length": 4, "batch": 100, "doctor": "off", "sample_every": 1000, "device": "cpu"},
    }  # fmt: skip
    run = genus.train(recipe, out=tmp_path / "run")
    said = genus_says("doctor", run.path)
    assert said.code == 0
    assert "healthy so far" in said.out
    assert "none were looked at" not in said.out
    assert "not judged: how losses and gradients develop: the log has" in said.out
    assert "none were looked at" in genus_says("doctor", "--no-samples", run.path).out


def test_genus_doctor_on_what_is_no_run(tmp_path: Path, genus_says: Any) -> None:
    said = genus_says("doctor", tmp_path)
    assert said.code == 2
    assert "is not a run" in said.err


def test_the_report_shows_what_the_doctor_saw(tmp_path: Path) -> None:
    run = genus.train(wild(), out=tmp_path / "run")
    page = genus.report(run).read_text()
    assert "<h2>What the doctor saw</h2>" in page
    assert "<b>oscillation</b> (mild; iterations" in page
    assert "<code>optimizer.lr=0.005</code>" in page


@pytest.mark.parametrize(
    ("length", "fraction"),
    [("200", 0.5), ("5k samples", 0.2), ("20 seconds", 0.5), ("5 CPU seconds", 1.0), ("7 epochs", 1.0)],
)
def test_how_much_of_a_run_is_done(length: str, fraction: float) -> None:
    recipe = load_recipe("rbm", [f"train.length={length}"])
    last = {"iteration": 100, "samples": 1000, "seconds": 10.0, "cpu_seconds": 20.0}
    assert run_fraction(recipe, last) == fraction


def test_off_in_yaml_is_off() -> None:
    assert load_recipe("rbm", ["train.doctor=off"]).train.doctor == "off"


@pytest.mark.parametrize("name", ["default", "vae", "gmm", "ddpm-toy", "rbm", "realnvp"])
def test_all_kinds_of_models_can_be_looked_at(name: str, tmp_path: Path) -> None:
    from tests.tiny import tiny_config, tiny_engine

    engine = tiny_engine(tiny_config(name, doctor="watch"), tmp_path / "run")
    engine.fit()
    recipe = engine.run.recipe
    signs = health_hook(open_data(recipe))(engine.model, 16)
    assert {"finite", "variety", "spacing", "coverage", "distance", "still"} <= set(signs)
    assert all(value == value for value in signs.values())


def test_phases_without_gradients_are_watched_too(tmp_path: Path) -> None:
    class Counts(Model):
        def phases(self) -> Sequence[Phase]:
            return [Phase(name="count", step=lambda batch, ctx: {"seen": torch.ones(())})]

    observer = observer_of(tmp_path / "run", act=True)
    make_engine(Counts(PLANE), tmp_path / "run", length=60, callbacks=[observer]).fit()
    assert observer.doctor.examiner.history.iteration == 60
    assert observer.doctor.examiner.found == {}


def test_a_stage_that_only_prepares_is_not_judged(tmp_path: Path) -> None:
    from tests.tiny import tiny_config, tiny_engine

    config = tiny_config("gmm", doctor="watch", doctor_every=1)
    engine = tiny_engine(config, tmp_path / "run")
    engine.fit()
    seen = [line["iteration"] for line in read_record(engine.run.doctor_path) if "look" in line]
    stages = {line["iteration"]: line["stage"] for line in engine.run.log_lines()}
    assert seen
    assert {stages[iteration] for iteration in seen if iteration in stages} == {"em"}
