from __future__ import annotations

import gzip
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from genus.core.errors import DataError
from genus.core.recipe import RecipeError
from genus.data.locate import describe_source

IDX = b"\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1\x05"


def test_names_come_first_and_unknown_ones_are_explained(tmp_path, monkeypatch) -> None:
    assert describe_source("digits28") == {"name": "digits28"}
    with pytest.raises(DataError, match=r"nor a path called 'rign'; did you mean 'ring'\?"):
        describe_source("rign")
    with pytest.raises(DataError, match="neither a data set nor a path"):
        describe_source("no/such/folder")
    (tmp_path / "ring").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "ring" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert describe_source("ring") == {"name": "ring"}
    assert describe_source("./ring") == {"name": "folder", "path": "./ring"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (IDX, "idx"),
        (gzip.compress(IDX, mtime=0), "idx"),
        (b"a,b\n1,2\n3,4\n", "csv"),
        (b"1;2\n3;4\n", "csv"),
        (b"\xef\xbb\xbf0.5\n0.25\n", "csv"),
        (b"\x93NUMPY\1\0", "npz"),
        (b"P5 1 1 255 a", "image_density"),
        (b"\xff\xd8\xff\xe0", "image_density"),
    ],
)
def test_files_are_known_by_content_whatever_their_name(tmp_path, content, kind) -> None:
    path = tmp_path / "nameless.xyz"
    path.write_bytes(content)
    assert describe_source(str(path)) == {"name": kind, "path": str(path)}


def test_npz_is_told_from_other_archives(tmp_path) -> None:
    np.savez(tmp_path / "a", x=np.zeros(3))
    assert describe_source(str(tmp_path / "a.npz"))["name"] == "npz"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (pickle.dumps([1]), "Python pickle, which genus never loads"),
        (b"Dear reader,\nthis is, as one sees, a letter.\n", "not recognised"),
        (b"\0\1\2\3binary", "not recognised"),
        (gzip.compress(b"tar", mtime=0), "not recognised"),
        (b"\x1f\x8b broken", "not recognised"),
        (b"PK\3\4 broken", "not recognised"),
    ],
)
def test_strange_files_are_refused_with_what_is_read(tmp_path, content, message) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{message}; what is read: .*a folder of images"):
        describe_source(str(path))


def test_folders_are_known_by_what_they_hold(tmp_path) -> None:
    with pytest.raises(DataError, match="it is empty"):
        describe_source(str(tmp_path))
    (tmp_path / "LICENSE").write_text("free")
    with pytest.raises(DataError, match="none of its 1 files"):
        describe_source(str(tmp_path))
    (tmp_path / "MANIFEST.txt").write_text("a.png, 3\nb.png, 4\n")
    (tmp_path / "t.csv").write_text("1,2\n3,4\n")
    assert describe_source(str(tmp_path)) == {"name": "csv", "path": str(tmp_path / "t.csv")}
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"several files that can be read \(a.npy, t.csv\)"):
        describe_source(str(tmp_path))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="several files"):
        describe_source(str(tmp_path))
    (tmp_path / "cats").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "cats" / "a.png")
    assert describe_source(str(tmp_path)) == {"name": "folder", "path": str(tmp_path)}
    (tmp_path / "train-images-idx3-ubyte").write_bytes(IDX)
    assert describe_source(str(tmp_path)) == {"name": "idx", "path": str(tmp_path)}


def test_recipes_are_checked_without_torch() -> None:
    code = "import sys, genus.data.locate as l; l.describe_source('ring'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_reader_s_name_alone_asks_for_its_path() -> None:
    from genus.core.binder import resolve

    with pytest.raises(RecipeError, match=r"data\.path: data 'folder' needs it"):
        resolve("data", describe_source("folder"), "data")


def test_a_reader_of_a_plug_in_is_recognised_by_what_it_declares(tmp_path, monkeypatch) -> None:
    """``genus data info FILE`` needs no edit of genus: the decorator says which files are read."""
    package = tmp_path / "plug"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "reader.py").write_text(
        "from genus.core.registry import data\n"
        "from genus.data.toy import ring\n\n\n"
        '@data("levels", suffixes=(".lev.gz", ".lev"), what="level files")\n'
        "def levels(*, path: str):\n"
        '    """Level files."""\n'
        "    return ring(n=30)\n\n\n"
        '@data("stars", sniff="plug.reader:is_stars", reads="folder")\n'
        "def stars(*, path: str):\n"
        '    """Folders of star files."""\n'
        "    return ring(n=30)\n\n\n"
        "def is_stars(path, start):\n"
        '    return start.startswith(b"*STAR")\n'
    )
    (tmp_path / "plug-1.dist-info").mkdir()
    (tmp_path / "plug-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    (tmp_path / "plug-1.dist-info" / "entry_points.txt").write_text("[genus.plugins]\nplug = plug\n")
    (tmp_path / "a.lev.gz").write_bytes(gzip.compress(b"12", mtime=0))
    (tmp_path / "sky" / "deep").mkdir(parents=True)
    (tmp_path / "sky" / "deep" / "b").write_bytes(b"*STAR")
    (tmp_path / "t.csv").write_text("1,2\n3,4\n")
    code = (
        "from genus.data.locate import describe_source as d\n"
        "print([d(name)['name'] for name in ('a.lev.gz', 'sky', 't.csv')])"
    )
    monkeypatch.chdir(tmp_path)
    import os

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert said.stdout.strip() == "['levels', 'stars', 'csv']", said.stderr
