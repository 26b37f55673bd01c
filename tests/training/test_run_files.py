"""Damaged small files of a run: typed errors that name the file; logs are never needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import genus
from genus.core.errors import CheckpointError, GenusError
from genus.saved_runs import load
from genus.training.doctor.record import read_record
from genus.training.run import Run
from genus.verbs.doctor import doctor
from genus.verbs.report import report
from tests.tiny import tiny_config

DAMAGE = {
    "emptied": b"", "cut": b'{"format": 2, "rec', "no text": b"\xff\xfe\x00", "list": b"[1, 2]", "word": b"3",
    "no keys": b"{}", "deep": b"[" * 100_000,
}  # fmt: skip
ODD_LINES = [
    b"", b"5", b"[1]", b"null", b"{}", b'{"iteration": null}', b'{"iteration": "2", "samples": 1}',
    b'{"iteration": 2, "losses": {"a": 1.0}}', b"\xff\xfe", b"[" * 100_000,
    b'{"iteration": 2, "samples": 1, "stage": "s", "seconds": 1, "cpu_seconds": 1, "losses": {"a": "x"}}',
    b'{"iteration": 2, "samples": 1, "stage": "s", "seconds": 1, "cpu_seconds": 1, "losses": [1]}',
    b'{"iteration": 2, "samples": 1, "stage": [], "seconds": 1, "cpu_seconds": 1, "losses": {}}',
    b'{"iteration": 2, "look": {"finite": "no"}, "fraction": 0.5}',
    b'{"iteration": 2, "look": {"finite": 1}}',
    b'{"iteration": 2, "samples"',
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tiny_config("default", length=4, score_every=2, save_every=2, doctor="watch")
    return genus.train(config, out=tmp_path_factory.mktemp("runs") / "run").path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["data.json", "recipe.yaml", "best.json"])
def test_damage_is_a_typed_error_that_names_the_file(name: str, damage: str, run: Path) -> None:
    (run / name).write_bytes(DAMAGE[damage])
    with pytest.raises(GenusError) as caught:
        load(run, checkpoint="best")
    if not (name == "data.json" and damage == "no keys"):  # that is a run of format 1
        assert name in str(caught.value) or (name == "recipe.yaml" and damage == "no keys")
    if name == "best.json":
        genus.resume(run, overrides=["train.length=6"])
        assert Run(run).best is not None, "the checkpoint remembers the best"


@pytest.mark.parametrize("missing", ["recipe", "spec", "fingerprint"])
def test_details_without_a_key_are_damaged(missing: str, run: Path) -> None:
    details = json.loads((run / "data.json").read_text())
    del details[missing]
    (run / "data.json").write_text(json.dumps(details))
    with pytest.raises(CheckpointError, match=rf"data\.json is damaged \('{missing}' is missing\)"):
        load(run)


@pytest.mark.parametrize("spec", [None, 3, [], {}, {"example": {"kind": "image"}}])
def test_a_spec_that_is_none_is_damaged(spec: object, run: Path) -> None:
    details = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps({**details, "spec": spec}))
    with pytest.raises(CheckpointError, match=r"data\.json is damaged"):
        load(run)
    (run / "data.json").unlink()
    with pytest.raises(CheckpointError, match=r"data\.json is missing"):
        load(run)


def test_odd_lines_are_passed_over_and_logs_are_not_needed(run: Path) -> None:
    logs = (run / "metrics.jsonl", run / "doctor.jsonl")
    sound = [list(Run(run).log_lines()), list(read_record(logs[1]))]
    assert sound[0]
    for log in logs:
        lines = (log.read_bytes() if log.is_file() else b"").splitlines()
        log.write_bytes(b"\n".join([*ODD_LINES, *lines, *ODD_LINES]))
    record = [line for line in read_record(logs[1]) if "losses" not in line]
    assert [list(Run(run).log_lines()), record] == sound
    report(run)
    doctor(run)
    genus.resume(run, overrides=["train.length=6"])
    assert [line["iteration"] for line in Run(run).log_lines() if "losses" in line] == [1, 2, 3, 4, 5, 6]
    for log in logs:
        log.unlink(missing_ok=True)
    genus.resume(run, overrides=["train.length=8"])
    assert [line["iteration"] for line in Run(run).log_lines() if "losses" in line] == [7, 8]
