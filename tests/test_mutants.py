"""The mutants that `make mutation` tries: each is one change, and the file stays as it was."""

from mutants import mutants

CODE = '''"""Text."""
LIMIT: int = 2

@cache(size=1)
def part(whole: int, of: int) -> int:
    """Words 1."""
    assert whole > 0
    if of < LIMIT and not whole:
        raise ValueError("none")
    return min(whole // of, 7)
'''


def test_every_small_change_is_made_alone(tmp_path):
    path = tmp_path / "part.py"
    path.write_text(CODE)
    found = list(mutants(path))
    assert [one.name.partition(" | ")[2] for one in found] == [
        "2 → 3",
        "of < LIMIT and (not whole) → of < LIMIT or not whole",
        "of < LIMIT → of <= LIMIT",
        "of < LIMIT → of >= LIMIT",
        "not whole → whole",
        "raise ValueError('none') → pass",
        "min(whole // of, 7) → None",
        "min → max",
        "whole // of → whole * of",
        "7 → 8",
    ]
    assert [one.line for one in found] == [2, *[8] * 4, 9, *[10] * 4]
    assert path.read_text() == CODE
    spaces = []
    for one in found:
        space = {"cache": lambda size: lambda function: function}
        exec(one.code, space)
        spaces.append(space)
    assert [space["LIMIT"] for space in spaces] == [3, *[2] * 9]
    assert [space["part"](8, 2) for space in spaces] == [4, 4, 4, 4, 4, 4, None, 7, 7, 4]


def test_the_list_of_the_explained_speaks_of_code_that_is_there():
    import tomllib

    from mutation import EQUIVALENTS, SOURCE

    for file, known in tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8")).items():
        there = {one.name for one in mutants(SOURCE / file)}
        assert set(known) <= there, file
        assert all(len(why) > 20 for why in known.values())
