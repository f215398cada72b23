"""What is shipped: the wheel holds what runs and nothing else, and says what it is."""

import re
import tarfile
import zipfile
from email.parser import Parser

import pytest
from trove_classifiers import classifiers

from installed import PROJECT, ROOT, build

SHIPPED = {
    ".py", ".sql", ".html", ".typ", ".css", ".js", ".svg", ".json", ".csv", ".gz", ".LICENSE.txt",
}  # fmt: skip
"""Endings of what runs: code, statements, pages, documents, the form of answers, the catalogue."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist and the wheel of this tree."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built):
    return next(path for path in built if path.suffix == ".whl")


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    about = f"trainfare-{PROJECT['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"trainfare", about}
    inside = {name for name in names if name.startswith("trainfare/")}
    source = ROOT / "src"
    there = {
        str(path.relative_to(source))
        for path in (source / "trainfare").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == there
    assert {name for name in inside if not name.endswith(tuple(SHIPPED))} == {"trainfare/py.typed"}
    kinds = {"py.typed", "server/static/page.js", "server/static/htmx.LICENSE.txt", "core/money.py"}
    kinds |= {"server/templates/parts/receipt.html", "prices/data/prices.csv.gz"}
    kinds |= {"allocation/claims.sql", "store/migrations/0001_ledger.py", "reports/document.typ"}
    assert {f"trainfare/{one}" for one in kinds} <= inside


def test_the_wheel_tells_what_it_is(wheel):
    about = f"trainfare-{PROJECT['version']}.dist-info"
    told = Parser().parsestr(zipfile.ZipFile(wheel).read(f"{about}/METADATA").decode())
    assert (told["Name"], told["License-Expression"]) == ("trainfare", "Apache-2.0")
    assert told["Requires-Python"] == PROJECT["requires-python"]
    assert set(told.get_all("Classifier")) == set(PROJECT["classifiers"]) <= set(classifiers)
    assert set(told.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    assert told.get_payload().startswith("# Trainfare")
    assert f"{about}/licenses/LICENSE" in zipfile.ZipFile(wheel).namelist()


def test_the_sdist_builds_the_same_wheel(built, wheel, tmp_path):
    with tarfile.open(next(path for path in built if path.suffix == ".gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    assert {".git", ".demo", ".venv"}.isdisjoint(one.name for one in source.iterdir())
    assert (source / "tests" / "test_package.py").exists()
    [again] = build(tmp_path / "dist", of=source, only=["-t", "wheel"])
    assert (again.name, again.read_bytes()) == (wheel.name, wheel.read_bytes())


NAMES = {
    "httptools": "uvicorn",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "prometheus-client": "prometheus_client",
    "psycopg": "sqlalchemy",
    "pytz": "duckdb",
    "uvloop": "uvicorn",
    "vl-convert-python": "vl_convert",
}
"""Packages that bear another name in the code, or that another package loads: that one."""


def test_every_package_that_an_extra_asks_for_is_used():
    code = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    for extra, asked in PROJECT["optional-dependencies"].items():
        for name in {re.match(r"[\w.-]+", one)[0] for one in asked} - {"trainfare"}:
            module = re.escape(NAMES.get(name, name))
            assert re.search(rf'(import|from) {module}\b|"{module}[."]', code), (extra, name)
