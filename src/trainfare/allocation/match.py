"""Match expressions: which charges a rule means, in a small language over words.

    SubAccountId = "1234" and not Tags.team in ("nlp", "vision")
    ServiceName prefix "Amazon S3" or ResourceId glob "*/datasets-*" or x_UsageType regex "NatGateway"

A *field* is a text column of a charge (``ResourceId``, ``x_UsageType`` …) or a tag (``Tags.team``,
``Tags."cost center"``; tag keys are compared without case and signs). An *operator* is ``=``,
``!=``, ``in``, ``prefix``, ``glob`` (``*`` and ``?`` over the whole text) or ``regex`` (found
anywhere; RE2 syntax, so without look-around and back-references). *Values* stand in double or single
quotes. ``not`` binds closest, then ``and``, then ``or``; parentheses group. Letters of values count
as they are.

Logic has two values: a missing column or tag equals nothing, so ``=`` is false and ``!=`` is true.

The same tree is read by :func:`holds`, charge by charge, and by :func:`to_sql`, for an engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trainfare.core.charge import COLUMNS
from trainfare.core.errors import BadInput
from trainfare.core.labels import plain_key

MATCHABLE = tuple(name for name, kind in COLUMNS.items() if kind == "string")
"""Columns that a match expression may name: those that hold words, not amounts, times or JSON."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>!=|=|\(|\)|,|\.)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*))""",
    re.VERBOSE,
)
_OPERATORS = ("=", "!=", "in", "prefix", "glob", "regex")
_DEPTH_MAX = 50


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a charge, or with *tag* one of its tags (a key without case and signs)."""

    column: str
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a field with values.

    *operator* is ``in`` (which ``=`` is short for), prefix, regex or glob; a glob's value is by then
    a regular expression for the whole text.
    """

    field: Field
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where *inner* is false."""

    inner: Match


@dataclass(frozen=True, slots=True)
class Join:
    """All (``and``) or any (``or``) of *parts*."""

    word: str
    parts: tuple[Match, ...]


Match = Comparison | Not | Join
"""A parsed expression."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_match(text: str) -> Match:
    """Read an expression.

    Raises:
        BadInput: it is not well-formed, or names a column or operator that does not exist; the
            message says at which character.

    >>> parse_match('RegionId = "us-east-1"')
    Comparison(field=Field(column='RegionId', tag=None), operator='in', values=('us-east-1',))
    """
    parser = _Parser(list(_tokens(text)), text)
    match = parser.joined("or", lambda: parser.joined("and", parser.negated))
    parser.end()
    return match


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if not found or found.lastgroup is None:
            rest = text[position:].lstrip()
            at = len(text) - len(rest) + 1
            raise BadInput(f"character {at}: {rest[:12]!r} is not understood; quote values")
        group = found.lastgroup
        yield _Token(group, found[group], found.start(group) + 1)
        position = found.end()


class _Parser:
    """A reader of one expression's tokens, from left to right."""

    def __init__(self, tokens: list[_Token], text: str) -> None:
        self.tokens = tokens
        self.end_token = _Token("end", "the end", len(text) + 1)
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else self.end_token

    def take(self) -> _Token:
        token = self.next
        self.position += 1
        return token

    def took(self, text: str) -> bool:
        """Whether the next token is the word or sign *text*; then it is taken."""
        is_next = self.next.kind in ("word", "sign") and self.next.text == text
        self.position += is_next
        return is_next

    def fail(self, token: _Token, wanted: str) -> BadInput:
        return BadInput(f"character {token.at}: {token.text} where {wanted} is expected")

    def end(self) -> None:
        if self.next.kind != "end":
            raise self.fail(self.next, "'and', 'or' or the end")

    def joined(self, word: str, part: Callable[[], Match]) -> Match:
        parts = [part()]
        while self.took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def negated(self) -> Match:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise BadInput(
                f"character {self.next.at}: nested more than {_DEPTH_MAX} deep; "
                "split the rule into several"
            )
        try:
            if self.took("not"):
                return Not(self.negated())
            if self.took("("):
                inner = self.joined("or", lambda: self.joined("and", self.negated))
                if not self.took(")"):
                    raise self.fail(self.next, "')'")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Match:
        field = self.field()
        operator = self.take()
        if operator.text not in _OPERATORS or operator.kind == "text":
            raise self.fail(operator, " ".join(_OPERATORS))
        if operator.text == "in":
            return Comparison(field, "in", self.values())
        token = self.next
        value = self.value()
        match operator.text:
            case "=":
                return Comparison(field, "in", (value,))
            case "!=":
                return Not(Comparison(field, "in", (value,)))
            case "glob":
                return Comparison(field, "glob", (_pattern_of_glob(value),))
            case "regex":
                _check_pattern(value, token.at)
        return Comparison(field, operator.text, (value,))

    def field(self) -> Field:
        token = self.take()
        if token.kind != "word":
            raise self.fail(token, "a column or Tags.key")
        if token.text == "Tags":
            if not self.took("."):
                raise self.fail(self.next, "'.' and a tag key after Tags")
            return Field("Tags", self.tag_key())
        if token.text not in MATCHABLE:
            raise BadInput(f"character {token.at}: {_no_such_column(token.text)}")
        return Field(token.text)

    def tag_key(self) -> str:
        token = self.take()
        if token.kind not in ("word", "text"):
            raise self.fail(token, "a tag key")
        key = plain_key(_unquoted(token.text) if token.kind == "text" else token.text)
        if not key:
            raise self.fail(token, "a tag key with letters or digits")
        return key

    def value(self) -> str:
        token = self.take()
        if token.kind != "text":
            raise self.fail(token, "a value in quotes")
        return _unquoted(token.text)

    def values(self) -> tuple[str, ...]:
        if not self.took("("):
            raise self.fail(self.next, "'(' after in")
        values = [self.value()]
        while self.took(","):
            values.append(self.value())
        if not self.took(")"):
            raise self.fail(self.next, "',' or ')'")
        return tuple(values)


def _no_such_column(name: str) -> str:
    if name in COLUMNS:
        return f"{name} holds {COLUMNS[name]}s; expressions match words such as ResourceId"
    near = [column for column in MATCHABLE if column.lower() == name.lower()]
    hint = f"; did you mean {near[0]}?" if near else "; name a FOCUS column or Tags.key"
    return f"no column {name!r}{hint}"


def _unquoted(text: str) -> str:
    r"""The value between quotes; a backslash keeps the sign after it: ``\"``, ``\\``.

    Any other backslash stays, so that regular expressions read as usual.
    """
    return re.sub(r"\\([\"'\\])", r"\1", text[1:-1])


def _pattern_of_glob(glob: str) -> str:
    pieces = {"*": ".*", "?": "."}
    return "(?s)" + "".join(pieces.get(sign, escape(sign)) for sign in glob)


def escape(text: str) -> str:
    """*text* as a regular expression for itself, in a form that Python and RE2 both read."""
    return re.sub(r"([^A-Za-z0-9_\s])", lambda m: f"\\{m[1]}" if m[1].isascii() else m[1], text)


def _check_pattern(pattern: str, at: int) -> None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadInput(
            f"character {at}: {pattern!r} is not a regular expression: {error}"
        ) from None


def fields_of(match: Match) -> set[Field]:
    """Every field that *match* looks at."""
    match match:
        case Comparison(field=field):
            return {field}
        case Not(inner=inner):
            return fields_of(inner)
        case Join(parts=parts):
            return {field for part in parts for field in fields_of(part)}


def patterns_of(match: Match) -> list[str]:
    """The regular expressions in *match*, those of globs included."""
    match match:
        case Comparison(operator=operator, values=values):
            return list(values) if operator in ("glob", "regex") else []
        case Not(inner=inner):
            return patterns_of(inner)
        case Join(parts=parts):
            return [pattern for part in parts for pattern in patterns_of(part)]


def holds(match: Match, charge: Mapping[str, object], tags: Mapping[str, str]) -> bool:
    """Whether a charge matches.

    Args:
        match: a parsed expression.
        charge: column → value; None or absent is missing.
        tags: the charge's tags by plain key.
    """
    match match:
        case Not(inner=inner):
            return not holds(inner, charge, tags)
        case Join(word=word, parts=parts):
            results = (holds(part, charge, tags) for part in parts)
            return all(results) if word == "and" else any(results)
        case Comparison(field=field, operator=operator, values=values):
            value = value_of(field, charge, tags)
            if value is None:
                return False
            if operator == "in":
                return value in values
            if operator == "prefix":
                return value.startswith(values[0])
            find = re.fullmatch if operator == "glob" else re.search
            return find(values[0], value) is not None


def value_of(field: Field, charge: Mapping[str, object], tags: Mapping[str, str]) -> str | None:
    """What *field* holds in a charge, None when it is missing."""
    value = tags.get(field.tag) if field.tag is not None else charge.get(field.column)
    return None if value is None else str(value)


def to_sql(match: Match) -> str:
    """*match* as a condition over the columns of a table that has the tags as a map ``tag_map``.

    Columns come from :data:`MATCHABLE`, every value is a quoted literal: nothing that a user writes
    is ever read as SQL. The condition is true or false, never null.
    """
    match match:
        case Not(inner=inner):
            return f"(NOT {to_sql(inner)})"
        case Join(word=word, parts=parts):
            return "(" + f" {word.upper()} ".join(to_sql(part) for part in parts) + ")"
        case Comparison(field=field, operator=operator, values=values):
            value = field_sql(field)
            if operator == "in":
                test = f"{value} IN ({', '.join(literal(text) for text in values)})"
            elif operator == "prefix":
                test = f"starts_with({value}, {literal(values[0])})"
            else:
                function = "regexp_full_match" if operator == "glob" else "regexp_matches"
                test = f"{function}({value}, {literal(values[0])})"
            return f"coalesce({test}, false)"


def field_sql(field: Field) -> str:
    """*field* as an SQL value, null when missing."""
    if field.tag is not None:
        return f"tag_map[{literal(field.tag)}]"
    return f'"{field.column}"'


def literal(text: str) -> str:
    """*text* as an SQL string literal.

    >>> literal("it's")
    "'it''s'"
    """
    # Adjacent pieces: DuckDB takes no NUL inside a literal, and chr(0) is one.
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in text.split("\0")]
    return pieces[0] if len(pieces) == 1 else "(" + " || chr(0) || ".join(pieces) + ")"
