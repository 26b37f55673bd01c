from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genus.core.errors import DataError
from genus.data.csv_file import csv_file
from genus.data.locate import describe_source
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


DIALECTS = {
    "decimal comma": ("a;b\n1,5;2\n-3;,25\n1e1;4,0\n", {"decimal": "comma"}),
    "quoted decimal comma": ('a,b\n"1,5",2\n-3,"0,25"\n10,4\n', {"decimal": "comma"}),
    "spaces": ("a    b\n 1.5  2\n-3  0.25\n10\t4\n", {}),
    "comments": ("# made by hand, 2020\n\na,b\n1.5,2\n-3,0.25\n# pause\n10,4\n# end\n", {}),
    "names in a comment": ("# a b\n1.5 2\n-3 0.25\n10 4\n", {}),
    "commas in the header": ("a\tb\n1.5\t2\n-3\t0.25\n10\t4\n".replace("a\t", "a, in, cm\t"), {}),
    "declared": ("a;b\n1.5;2\n-3;0.25\n10;4\n", {"delimiter": "semicolon"}),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_of_one_table_are_one_data_set(write, dialect, encoding) -> None:
    text, settings = DIALECTS[dialect]
    path = write(text.encode(encoding))
    dataset = csv_file(path=path, holdout=0.3, **settings)
    assert whole(dataset) == [[-3, 0.25], [1.5, 2], [10, 4]]
    assert [column.name for column in dataset.spec.example.columns][1] == "b"
    unnamed = Path(path).rename(path.removesuffix(".csv"))
    assert describe_source(str(unnamed)) == {"name": "csv", "path": str(unnamed)}


def test_a_point_under_a_decimal_comma_is_refused(write) -> None:
    with pytest.raises(DataError, match=r"row 3: '1.234' has a point, but decimal is comma"):
        csv_file(path=write("a;b\n1,5;2\n1.234;2\n"), decimal="comma")


def test_cells_that_begin_with_a_hash_stay_cells(write) -> None:
    dataset = csv_file(path=write("key,a\nx,1\n#1,2\n#2,3\n"), holdout=0.3)
    assert sorted(dataset.whole()[0].keys or ()) == ["#1", "#2", "x"]
    assert whole(dataset) == [[1], [2], [3]]


def test_long_tables_of_two_bytes_are_recognised(write) -> None:
    path = Path(write(("x;y\n" + "1;2\n" * 3000).encode("utf-16")))
    assert describe_source(str(path.rename(path.with_suffix(".dat"))))["name"] == "csv"


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
        (b"a,b\n1,\xfc\n", "neither UTF-8 nor UTF-16 text .byte 0xfc at 6.; save it as UTF-8"),
        ("a;b\n1,5;2\n", r"column 'a', row 2: '1,5' is not a number: .* set decimal=comma"),
        ("# a\n# b\na,b\n1,2\n# end\n1,x\n", "column 'b', row 6: 'x' is not"),
        ("a,b\n1;2,3\n1;2\n", "separated by comma; .* set delimiter"),
    ],
)
def test_bad_tables_name_column_and_row(write, text, message) -> None:
    with pytest.raises(DataError, match=message):
        csv_file(path=write(text))


def test_header_may_be_declared(write) -> None:
    path = write("1,2\n3,4\n5,6\n")
    assert read_table(path, header=True).names == ["1", "2"]
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
