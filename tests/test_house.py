"""The house keeps its own rules: sizes, names, depth, docstrings, and what must not land."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "trainfare"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = {
    "core", "metering", "prices", "billing", "clusters", "logs", "allocation", "store", "budgets",
    "advice", "commitments", "simulation", "reports", "flows", "server", "cli", "integrations",
}  # fmt: skip
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
BARE = re.compile(r"^(cost|utilization)$")

files = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@files
def test_a_file_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@files
def test_a_function_has_at_most_70_lines(path):
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(tree_of(path))
        if isinstance(node, FUNCTION) and node.end_lineno - node.lineno + 1 > 70
    ]
    assert long == []


@files
def test_a_file_is_room_and_file_and_named_by_a_noun(path):
    parts = path.relative_to(SOURCE).parts
    assert len(parts) <= 2 or parts[:2] == ("store", "migrations")
    assert len(parts) == 1 or parts[0] in ROOMS
    assert path.stem not in BANNED


@files
def test_everything_public_has_a_docstring(path):
    tree = tree_of(path)
    bare = [] if ast.get_docstring(tree) else ["module"]
    for node in [
        *tree.body,
        *[n for c in tree.body if isinstance(c, ast.ClassDef) for n in c.body],
    ]:
        named = isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_")
        if named and not ast.get_docstring(node) and not is_inherited(node, tree):
            bare.append(node.name)
    assert bare == []


def is_inherited(node, tree):
    """Whether *node* is a method of a private class, whose caller is in the same file, or an event.

    What ``on_step_end`` is, the framework says whose class that is.
    """
    owners = [c for c in tree.body if isinstance(c, ast.ClassDef) and node in c.body]
    is_event = node.name.startswith("on_") and any(owner.bases for owner in owners)
    return is_event or any(owner.name.startswith("_") for owner in owners)


@files
def test_no_left_over_marks(path):
    assert LEFT_OVER.findall(path.read_text(encoding="utf-8")) == []


@files
def test_no_bare_cost_or_utilization_is_a_variable(path):
    bare = {
        node.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and BARE.match(node.id)
    }
    assert bare == set()


def test_everything_is_caught_only_at_doors():
    """``except Exception`` stands only where a failure must not leave: doors and the meter."""
    catchers = {
        str(path.relative_to(SOURCE))
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
    }
    doors = {
        c for c in catchers if c.split("/")[0] in {"cli", "server", "integrations", "metering"}
    }
    # The ride goes on when its meter cannot start: the command matters more than its record.
    # What MLflow's client raises is what the drivers below it raise, and no room but store knows those.
    assert catchers - doors <= {"flows/live.py", "logs/mlflow_store.py"}


def test_rooms_stand_as_the_plan_says():
    found = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert found == ROOMS


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so which files are committed is unknown")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_nothing_committed_names_a_registry_host_or_a_path_of_one_machine():
    hosts = ["py" + "pi.org", "python" + "hosted", "npm" + "js.", "deb.deb" + "ian"]
    paths = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"]
    guilty = []
    for path in tracked():
        if not path.is_file() or path.suffix in {".gz", ".png", ".parquet"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        guilty += [f"{path.relative_to(ROOT)}: {word}" for word in hosts + paths if word in text]
    assert guilty == []


def test_locks_hold_hashes_and_no_addresses():
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,-]+\])?==", text, re.MULTILINE)
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(pins) == len(blocks) > 0
        assert all("--hash=sha256:" in block for block in blocks)


def test_the_core_install_is_small():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", d)[0] for d in project["dependencies"]}
    assert names == {"click", "psutil"}


@pytest.mark.parametrize("room", ["core", "prices", "metering", "integrations"])
def test_what_runs_inside_the_training_loads_nothing_heavy(room):
    """Every module of a light room is imported in a fresh process; sys.modules tells.

    Doors that are a framework's subclass need that framework, which is not here.
    """
    modules = [f"trainfare.{room}.{p.stem}" for p in sorted((SOURCE / room).glob("*.py"))]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        if error.name.split('.')[0] != name.split('.')[2]: raise\n"
        "heavy = {'duckdb', 'sqlalchemy', 'pandas', 'pyarrow', 'numpy', 'boto3', 'click', 'psutil',"
        " 'pynvml', 'litestar', 'pyspark'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
