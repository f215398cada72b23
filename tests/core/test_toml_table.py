"""Files that users write: each wrong word is refused with its place and what to write instead."""

import pytest

from trainfare.core.errors import BadInput
from trainfare.core.toml_table import TomlTable, read_toml

KEYS = ("name", "port", "names", "part", "kind")


def table(**document):
    return TomlTable("a.toml", document, KEYS)


def refused(match):
    return pytest.raises(BadInput, match=match)


def test_a_file_is_read_or_is_not_there(tmp_path):
    path = tmp_path / "a.toml"
    assert read_toml(path) is None
    path.write_text('name = "é"')
    assert read_toml(path) == {"name": "é"}


def test_what_cannot_be_read_is_said_with_its_path(tmp_path):
    with refused(r"cannot read .*: Is a directory"):
        read_toml(tmp_path)
    path = tmp_path / "a.toml"
    for wrong in (b"name = ", b"name = '\xff'"):
        path.write_bytes(wrong)
        with refused(r"a\.toml is not TOML in UTF-8: "):
            read_toml(path)
    path.write_text(f"deep = {'[' * 100_000}")
    with refused("is not TOML"):
        read_toml(path)


def test_a_table_has_known_keys():
    assert table(name="a").text("name") == "a"
    with refused(r"a\.toml is no table; write its keys below its heading"):
        TomlTable("a.toml", [1], KEYS)
    with refused(r"a\.toml: there is no key 'nam'; keys: name, port, names, part, kind"):
        table(nam="a", zoo=1)


def test_tables_know_where_they_stand():
    outer = table(part=[{"name": "x"}, {"name": "y"}])
    inner = outer.tables("part", ("name",))
    assert [one.need("name") for one in inner] == ["x", "y"]
    assert [one.where for one in inner] == ["a.toml, [[part]] 1", "a.toml, [[part]] 2"]
    assert table().tables("part", ()) == []
    with refused(r"a\.toml: write each part under its own \[\[part\]\]"):
        table(part={"name": "x"}).tables("part", ("name",))
    one = table(part={"name": "x"}).table("part", ("name",))
    assert (one.where, one.need("name")) == ("a.toml, [part]", "x")
    assert table().table("part", ()) is None


@pytest.mark.parametrize("wrong", [1, "", "  ", ["x"]])
def test_a_text_is_a_text_with_something_in_it(wrong):
    with refused(r"a\.toml: name is no text in quotes"):
        table(name=wrong).text("name")
    assert table().text("name") is None


def test_what_is_needed_is_asked_for():
    with refused(r"a\.toml: say name as well"):
        table().need("name")


def test_a_choice_is_one_of_those_there_are():
    assert table(kind="b").choice("kind", ("a", "b")) == "b"
    with refused(r"a\.toml: kind 'c' is none of a, b"):
        table(kind="c").choice("kind", ("a", "b"))


def test_a_list_of_texts_holds_nothing_else():
    assert table(names=["a", "b"]).texts("names") == ("a", "b")
    assert table().texts("names") == ()
    for wrong in ("a", ["a", 1]):
        with refused("names is no list of texts in quotes"):
            table(names=wrong).texts("names")


def test_a_number_is_whole_and_not_too_small():
    assert table(port=1).number("port", 1) == 1
    assert table().number("port", 1) is None
    for wrong in (0, True, 1.0, "1"):
        with refused("port is no whole number from 1 on"):
            table(port=wrong).number("port", 1)
