"""Mutants of one file: every small change that a test of its laws should notice.

Changed are comparisons (at the border and into the opposite), arithmetic, and/or, not, conditions,
whole numbers, True and False, what is returned, min and max, any and all, break and continue; calls
and raises that stand alone are left out. Texts, annotations, decorators and assertions stay.
"""

import ast
import contextlib
from dataclasses import dataclass
from types import CodeType

COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
COUNTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
SKIPPED = {"annotation", "returns", "decorator_list", "type_params", "bases"}
"""Fields that say what something is and not what it does."""


@dataclass
class Mutant:
    """One change of a file."""

    line: int
    was: str
    """The line of code as it was."""
    now: str
    """What changed in it: the expression as it was and as it is."""
    code: CodeType

    @property
    def name(self):
        """What it is called in lists: the line's own text, which moves with it."""
        return f"{self.was} | {self.now}"


def mutants(path):
    """Every mutant of the file, in the order of its lines."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines()
    for owner, field, at, new in sorted(_sites(tree), key=_line):
        old = _get(owner, field, at)
        line = _line((owner, field, at, new))
        is_sign = isinstance(old, (ast.operator, ast.cmpop, ast.boolop))
        was = ast.unparse(owner if is_sign else old)
        _put(owner, field, at, ast.copy_location(new, old) if hasattr(old, "lineno") else new)
        now = ast.unparse(owner if is_sign else new)
        ast.fix_missing_locations(tree)
        code = compile(tree, str(path), "exec")
        _put(owner, field, at, old)
        yield Mutant(line, lines[line - 1].strip(), f"{_short(was)} → {_short(now)}", code)


def _short(text):
    return " ".join(text.split())[:120]


def _get(owner, field, at):
    value = getattr(owner, field)
    return value if at is None else value[at]


def _put(owner, field, at, value):
    if at is None:
        setattr(owner, field, value)
    else:
        getattr(owner, field)[at] = value


def _line(site):
    owner, field, at, _ = site
    node = _get(owner, field, at)
    return getattr(node, "lineno", None) or owner.lineno


def _sites(node):
    """(owner, field, index, new node) of every change below *node*."""
    if isinstance(node, ast.Assert) or _is_for_types(node):
        return
    yield from _changes(node)
    for field, value in ast.iter_fields(node):
        if field in SKIPPED or (field == "value" and _is_text(node)):
            continue
        for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            is_strict = isinstance(child, ast.keyword) and child.arg == "strict"
            if isinstance(child, ast.AST) and not is_strict:
                yield from _replacements(node, field, at, child)
                yield from _sites(child)


def _is_for_types(node):
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def _is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node):
    """Changes of what *node* itself is made of."""
    if isinstance(node, ast.Compare):
        for at, one in enumerate(node.ops):
            yield from ((node, "ops", at, new()) for new in COMPARED[type(one)])
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in COUNTED:
        with contextlib.suppress(AttributeError):
            if any(_is_word(side) for side in (node.left, node.right)):
                return
        yield node, "op", None, COUNTED[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        yield node, "op", None, ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        if not isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant)):
            yield node, "test", None, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield node, "value", None, ast.Constant(None)


def _is_word(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )


def _is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def _replacements(owner, field, at, node):
    """What may stand where *node* does."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield owner, field, at, ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield owner, field, at, ast.Constant(node.value + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield owner, field, at, node.operand
    elif (
        isinstance(node, ast.Name)
        and node.id in CALLED
        and isinstance(owner, ast.Call)
        and field == "func"
    ):
        yield owner, field, at, ast.Name(CALLED[node.id], ast.Load())
    elif isinstance(node, ast.Break):
        yield owner, field, at, ast.Continue()
    elif isinstance(node, ast.Continue):
        yield owner, field, at, ast.Break()
    elif isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield owner, field, at, ast.Pass()
