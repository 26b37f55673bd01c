from __future__ import annotations

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.csv_file import csv_file
from genus.data.text_table import read_table


@pytest.fixture
def write(tmp_path):
    def to_file(text: str | bytes) -> str:
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return to_file


def whole(dataset) -> list[list[float]]:
    return sorted(
        row for s in (dataset.train, dataset.test) for row in s.fetch(np.arange(len(s)))[0].tolist()
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", ["", "a{0}b\n"])
def test_numbers_are_read_as_they_stand(write, delimiter, header) -> None:
    text = (header + "1{0}-2.5\n3e2{0} 4\n0{0}7\r\n").format(delimiter)
    dataset = csv_file(path=write(text), holdout=0.3)
    assert dataset.spec.describe() == "table 2, unbounded values, no classes"
    assert whole(dataset) == [[0, 7], [1, -2.5], [300, 4]]
    assert dataset.train.fetch(np.array([0]))[0].dtype == np.float32


def test_labels_by_name_or_number_in_natural_order(write) -> None:
    path = write("x,kind\n" + "".join(f"{i},{i % 11}\n" for i in range(110)))
    for label in ("kind", 1, -1):
        dataset = csv_file(path=path, label=label)
        assert dataset.spec.classes == tuple(str(i) for i in range(11))
        values, labels, _ = dataset.train.fetch(np.arange(len(dataset.train)))
        np.testing.assert_array_equal(values[:, 0] % 11, labels)


def test_text_labels_without_a_header(write) -> None:
    dataset = csv_file(path=write("1,2,cat\n3,4,dog\n5,6,cat\n"), label=2)
    assert dataset.spec.classes == ("cat", "dog")
    assert len(dataset.train) + len(dataset.test) == 3


def test_chosen_columns_come_in_the_order_asked(write) -> None:
    dataset = csv_file(path=write('a,"b, c",d\n1,2,x\n3,4,y\n'), columns=["b, c", 0])
    assert whole(dataset) == [[2, 1], [4, 3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,\n", r"column 'b', row 3: the value is missing \(''; 1 such"),
        ("a,b\n1,2\nNA,3\nNA,3\n", r"column 'a', row 3: the value is missing \('NA'; 2 such"),
        ("a,b\n1,2\n1,nan\n", "column 'b', row 3: the value is missing"),
        ("1,2\n1,?\n", "column '1', row 2: the value is missing"),
        ("a,b\n1,2\n1,cat\n", "column 'b', row 3: 'cat' is not a number .*mixed"),
        ("a,b\n1,cat\n1,dog\n", "column 'b', row 2: 'cat' is not a number .*no cell"),
        ("a,b\n1,2\n1,inf\n", "column 'b', row 3: 'inf' is not a finite"),
        ("a,b\n1,2\n1,1e99\n", "column 'b', row 3: '1e99' is not a finite"),
        ("a,b\n1,2\n1\n", "row 3 has 1 cells, row 1 has 2"),
        ("a,b\n", "header but no rows|not a number"),
        ("", "is empty"),
        (b"\xff\xfe\x00a", "UTF-8"),
    ],
)
def test_bad_tables_name_column_and_row(write, text, message) -> None:
    with pytest.raises(DataError, match=message):
        csv_file(path=write(text))


def test_header_may_be_declared(write) -> None:
    path = write("1,2\n3,4\n5,6\n")
    assert read_table(__import__("pathlib").Path(path), header=True)[0] == ["1", "2"]
    assert len(whole(csv_file(path=path, header=True))) == 2
    assert len(whole(csv_file(path=path))) == 3


def test_columns_and_labels_that_do_not_exist_are_named(write) -> None:
    path = write("age,kind\n1,x\n2,y\n3,\n")
    with pytest.raises(DataError, match="no column 'agge'; did you mean 'age'"):
        csv_file(path=path, columns=["agge"])
    with pytest.raises(DataError, match="no column 5"):
        csv_file(path=path, label=5)
    with pytest.raises(DataError, match="both the label and among"):
        csv_file(path=path, label="age", columns=["age"])
    with pytest.raises(DataError, match="column 'kind', row 4: the value is missing"):
        csv_file(path=path, label="kind")
    with pytest.raises(DataError, match="no column of numbers"):
        csv_file(path=write("a\n1\n2\n"), label="a")


def test_a_continuous_column_is_no_label(write) -> None:
    with pytest.raises(DataError, match="label column 'y': there are 1,200 different"):
        csv_file(path=write("x,y\n" + "".join(f"1,{i}\n" for i in range(1200))), label="y")


def test_large_numbers_that_would_merge_are_an_error_that_names_the_column(write) -> None:
    rows = "".join(f"{1_700_000_000 + 10 * i},{i}\n" for i in range(360))
    with pytest.raises(DataError, match="column 'time': its values differ"):
        csv_file(path=write("time,b\n" + rows))
    assert len(csv_file(path=write("time,b\n" + rows), columns=["b"]).train) == 324
