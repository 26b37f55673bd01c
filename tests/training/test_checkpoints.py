"""Checkpoints survive kills, damage and full disks, and are never read wrongly."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.core.errors import CheckpointError
from genus.training.checkpoints import (
    Checkpoint,
    CheckpointWarning,
    _untie,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    prune,
    save_checkpoint,
)
from genus.training.durable import write_text
from genus.training.optimizer_state import optimizer_tensors, restore_optimizers
from genus.training.run import Run
from genus.verbs.report import report
from tests.tiny import tiny_config, tiny_engine
from tests.training.crash import content
from tests.training.harness import Line, assert_equal, make_engine

FILES = ["model.safetensors", "optimizer.safetensors", "state.json"]


def test_200_kills_lose_no_finished_save(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.crash", "save", str(tmp_path), "200"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr  # each of the 200 checkpoints was verified there
    trials = json.loads(done.stdout)
    assert len(trials) == 200
    for trial in trials:
        lead = trial["found"] - trial["acknowledged"]
        assert lead in (0, 1), trial  # 1: committed, but killed before it could say so
        assert trial["leftovers"] <= 1, "drafts of killed processes pile up"
    while_writing = sum(trial["while writing"] for trial in trials)
    assert 20 <= while_writing <= 180, "the kills did not spread over saving"


def test_files_then_rename_then_folder_reach_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, content(1))
    events: list[tuple[str, int]] = []
    fsync, rename = os.fsync, os.rename

    def spy_fsync(handle: int) -> None:
        events.append(("fsync", os.fstat(handle).st_ino))
        fsync(handle)

    def spy_rename(old: Any, new: Any, **kwargs: Any) -> None:
        events.append(("rename", os.stat(old).st_ino))
        rename(old, new, **kwargs)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "rename", spy_rename)
    path = save_checkpoint(tmp_path, content(2))
    files = [("fsync", (path / name).stat().st_ino) for name in FILES]
    inside = path.stat().st_ino
    assert sorted(events[:3]) == sorted(files)
    assert events[3:] == [("fsync", inside), ("rename", inside), ("fsync", tmp_path.stat().st_ino)]
    events.clear()
    monkeypatch.setattr(os, "replace", spy_rename)
    write_text(tmp_path / "best.json", "{}")
    inside = (tmp_path / "best.json").stat().st_ino
    assert events == [("fsync", inside), ("rename", inside), ("fsync", tmp_path.stat().st_ino)]


@pytest.mark.parametrize("damage", ["removed", "truncated", "emptied"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_newest_gives_way_to_the_previous(name: str, damage: str, tmp_path: Path) -> None:
    for number in (1, 2):
        save_checkpoint(tmp_path, content(number))
    victim = tmp_path / "00000002" / name
    data = victim.read_bytes()
    if damage == "removed":
        victim.unlink()
    else:
        victim.write_bytes(data[: len(data) // 2] if damage == "truncated" else b"")
    with pytest.warns(CheckpointWarning, match=r"using checkpoint 00000001, because: .*00000002") as caught:
        found = load_newest(tmp_path)
    assert found.number == 1
    if damage == "removed":
        assert f"{name} is missing" in str(caught[0].message)
    with pytest.raises(CheckpointError, match="00000002"):
        load_checkpoint(tmp_path / "00000002")


class Sharded(torch.Tensor):
    """As sharded tensors answer: their values do not lie in this process, and their address reads 0."""

    def data_ptr(self) -> int:
        return 0


def test_tensors_without_an_address_are_not_tied(tmp_path: Path) -> None:
    tensors = {name: torch.full((2,), value).as_subclass(Sharded) for name, value in (("a", 1.0), ("b", 2.0))}
    unique, aliases = _untie(tensors)
    assert sorted(unique) == ["a", "b"]
    assert not aliases


@pytest.mark.parametrize(
    "bad", [Checkpoint({"model": {"w": torch.eye(2).to_sparse()}}, {}, 2), Checkpoint({}, {"x": object()}, 2)]
)
def test_a_save_that_fails_leaves_no_draft(bad: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, content(1))
    with pytest.raises(CheckpointError, match="checkpoint 2 cannot be saved"):
        save_checkpoint(tmp_path, bad)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    assert load_newest(tmp_path).number == 1


def test_an_interrupted_save_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("genus.training.checkpoints.write_synced", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, content(1))
    assert not list(tmp_path.iterdir())


def test_damage_everywhere_and_nothing_at_all_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no good checkpoint"):
        load_newest(tmp_path / "none")
    save_checkpoint(tmp_path, content(1))
    (tmp_path / "00000001" / "state.json").unlink()
    with pytest.raises(CheckpointError, match=r"no good checkpoint.*state\.json is missing"):
        load_newest(tmp_path)


def test_training_continues_before_a_damaged_checkpoint_and_clears_it_away(tmp_path: Path) -> None:
    straight = make_engine(Line(), tmp_path / "a", length=6, save_every=1, keep=100)
    straight.fit()
    make_engine(Line(), tmp_path / "b", length=4, save_every=1, keep=1).fit()
    checkpoints = tmp_path / "b" / "checkpoints"
    shutil.copytree(tmp_path / "a" / "checkpoints" / "00000002", checkpoints / "00000002")
    (checkpoints / "00000004" / "model.safetensors").write_bytes(b"")
    with pytest.warns(CheckpointWarning):
        again = make_engine(Line(), tmp_path / "b", restore=True, length=3, save_every=1, keep=1)
    again.fit()  # ends before number 4, which must not count as the newest
    assert [p.name for p in list_checkpoints(checkpoints)] == ["00000003"]
    theirs = load_checkpoint(tmp_path / "a" / "checkpoints" / "00000003")
    assert_equal(load_newest(checkpoints).tensors["model"], theirs.tensors["model"])


def test_prune_keeps_the_last_and_the_protected(tmp_path: Path) -> None:
    paths = [save_checkpoint(tmp_path, content(number)) for number in range(1, 7)]
    prune(paths[-1], keep=2, protected=2)
    assert [int(p.name) for p in list_checkpoints(tmp_path)] == [2, 5, 6]


def test_saving_again_replaces(tmp_path: Path) -> None:
    changed = Checkpoint({"model": {"w": torch.ones(2)}}, {}, 1)
    save_checkpoint(tmp_path, content(1))
    path = save_checkpoint(tmp_path, changed)
    assert sorted(p.name for p in path.iterdir()) == ["model.safetensors", "state.json"]
    assert torch.equal(load_checkpoint(path).tensors["model"]["w"], torch.ones(2))


def test_1000_mutations_are_1000_errors(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, content(7))
    original = {name: (path / name).read_bytes() for name in FILES}
    rng = random.Random(0)
    for _ in range(1000):
        name = rng.choice(FILES)
        mutated = _mutate(original[name], rng)
        (path / name).write_bytes(mutated)
        with pytest.raises(CheckpointError, match="00000007"):
            load_checkpoint(path)
        (path / name).write_bytes(original[name])
    assert load_checkpoint(path).number == 7


def _mutate(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    other = bytes([rng.randrange(256)])
    mutated = rng.choice(
        [
            data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :],
            data[:at] + other + data[at + 1 :],
            data[:at] + other + data[at:],
            data[:at] + b" " + data[at:],
            data[:at] + data[at + 1 :],
            data[:at],
            data + other,
            data[at:] + data[:at],
        ]
    )
    return mutated if mutated != data else _mutate(data, rng)


def test_even_harmless_looking_edits_are_noticed(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, content(7))
    state = path / "state.json"
    text = state.read_text()
    for edited in (text.replace(", ", ",  ", 1), text + "\n", text.replace('"number": 7', '"number": 07')):
        assert edited != text
        state.write_text(edited)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)
    state.write_text(text)
    path.rename(tmp_path / "00000009")
    with pytest.raises(CheckpointError, match="renamed"):
        load_checkpoint(tmp_path / "00000009")


def test_tied_and_odd_tensors_round_trip(tmp_path: Path) -> None:
    square = torch.randn(5, 5)
    tensors = {
        "a": square, "b": square, "transposed": square.T, "row": square[0], "part": square[:, :2],
        "integer": torch.arange(3), "flag": torch.tensor(True), "half": torch.ones(2, dtype=torch.bfloat16),
        "empty": torch.zeros(0, 3), "also empty": torch.zeros(0, 3),
        "double": torch.rand(2, dtype=torch.float64),
        "image": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }  # fmt: skip
    path = save_checkpoint(tmp_path, Checkpoint({"model": tensors}, {"né": [1, None, 0.1]}, 3))
    found = load_checkpoint(path)
    assert_equal(found.tensors["model"], tensors)
    assert {k: v.dtype for k, v in found.tensors["model"].items()} == {k: v.dtype for k, v in tensors.items()}
    assert found.state == {"né": [1, None, 0.1]}
    body = json.loads((path / "state.json").read_text())["body"]
    assert body["aliases"]["model"] == {"b": "a"}


@pytest.mark.parametrize("how", ["relative", "absolute", "linked", "folder linked"])
def test_files_outside_the_folder_are_refused(how: str, tmp_path: Path) -> None:
    other = save_checkpoint(tmp_path / "other", content(7)) / "model.safetensors"
    path = save_checkpoint(tmp_path / "run", content(7))
    if how == "linked":
        (path / "model.safetensors").unlink()
        (path / "model.safetensors").symlink_to(other)
    else:
        if how == "folder linked":
            (path / "sub").symlink_to(other.parent)
        name = {"relative": "../../other/00000007/model.safetensors", "absolute": str(other),
                "folder linked": "sub/model.safetensors"}[how]  # fmt: skip
        body = json.loads((path / "state.json").read_bytes())["body"]
        body["files"][name] = body["files"].pop("model.safetensors")
        body["aliases"][name.removesuffix(".safetensors")] = body["aliases"].pop("model")
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        (path / "state.json").write_text(json.dumps({"sha256": digest, "body": body}, sort_keys=True))
    with pytest.raises(CheckpointError, match="not a file of its folder"):
        load_checkpoint(path)
    linked = tmp_path / "00000007"
    linked.symlink_to(other.parent)
    assert load_checkpoint(linked).number == 7, "whoever opens a checkpoint may reach it through a link"


class _Evil:
    def __reduce__(self) -> Any:
        return (open, (str(_Evil.marker), "w"))

    marker = Path()


_opened: list[str] = []
_listening = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and event in ("open", "pickle.find_class"):
        _opened.append(f"{event} {arguments[0]}")


def test_pickles_in_a_run_are_never_opened(tmp_path: Path) -> None:
    global _listening
    _Evil.marker = tmp_path / "owned"
    engine = tiny_engine(tiny_config("default", ema=0.9), tmp_path / "run")
    engine.fit()
    evil = pickle.dumps(_Evil())
    run = engine.run.path
    (run / "checkpoints" / "00000099").mkdir()
    newest = list_checkpoints(engine.run.checkpoints)[0]
    for folder in (run, run / "checkpoints", run / "checkpoints" / "00000099", newest):
        for name in ("model.pt", "pytorch_model.bin", "model.pkl", "optimizer.pt", "data.pickle"):
            (folder / name).write_bytes(evil)
    sys.addaudithook(_audit)
    _listening = True
    try:
        with pytest.warns(CheckpointWarning, match="00000099"):
            genus.sample(run, 4)
        with pytest.warns(CheckpointWarning, match="00000099"):
            genus.resume(run, overrides=["train.length=6"])
        report(run)
    finally:
        _listening = False
    suspects = [e for e in _opened if e.endswith((".pt", ".bin", ".pkl", ".pickle")) or "find_class" in e]
    assert _opened
    assert not suspects
    assert not _Evil.marker.exists()
    pickle.loads(evil).close()
    assert _Evil.marker.exists(), "the pickle was harmless, so this test would prove nothing"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount the 8 MiB disk this test fills")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_error_and_the_previous_checkpoint_loads(small_disk: Path) -> None:
    def big(number: int) -> Checkpoint:
        return Checkpoint({"model": {"w": torch.full((3 << 18,), float(number))}}, {}, number)  # 3 MiB

    for number in (1, 2):
        save_checkpoint(small_disk, big(number))
    with pytest.raises(CheckpointError, match=r"No space left.*free some space"):
        save_checkpoint(small_disk, big(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_newest(small_disk).number == 2
    assert [p.name for p in small_disk.iterdir() if p.name.startswith(".")] == []
    prune(small_disk / "00000002", keep=1)
    assert save_checkpoint(small_disk, big(3)).name == "00000003"


def test_the_command_line_stops_at_a_full_disk_and_goes_on_after(small_disk: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(
        "model: {name: gan, generator: {name: mlp, hidden: [300]}, objective: hinge,"
        " discriminator: {name: mlp, hidden: [300]}}\n"
        "optimizer: {name: adam, lr: 1e-3}\n"
        "data: {name: digits8}\n"
        "train: {length: 40, batch: 16, save_every: 1, keep: 100, device: cpu}\n"
    )
    out = small_disk / "run"
    command = [sys.executable, "-m", "genus", "train", str(recipe), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    reached = load_newest(out / "checkpoints").number
    assert 2 <= reached < 40
    genus.sample(out, 2)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    assert genus.resume(out).load().number == 40
    assert [line["iteration"] for line in Run(out).log_lines()] == [1, 2, 3, 4, 5, 10, 20, 30, 40]


def test_optimizers_refuse_states_that_do_not_fit() -> None:
    def adam(*shapes: tuple[int, ...]) -> torch.optim.Optimizer:
        parameters = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        optimizer = torch.optim.Adam(parameters)
        optimizer.step()
        return optimizer

    saved = optimizer_tensors({"g": adam((2, 3), (4,))})
    fresh = adam((2, 3), (4,))
    fresh.state.clear()
    restore_optimizers({"g": fresh}, saved, {"g": "Adam"})
    assert_equal(optimizer_tensors({"g": fresh}), saved)
    for other, kinds in (
        ({"g": adam((2, 3))}, {"g": "Adam"}),
        ({"g": adam((3, 2), (4,))}, {"g": "Adam"}),
        ({"h": adam((2, 3), (4,))}, {"g": "Adam"}),
        ({"g": torch.optim.RMSprop([torch.nn.Parameter(torch.ones(2, 3))])}, {"g": "Adam"}),
    ):
        with pytest.raises(CheckpointError):
            restore_optimizers(other, saved, kinds)
