"""Selection: which runs are meant, in a small language over labels.

    team=nlp
    team=nlp and (model=bert-* or not experiment=lr-sweep)
    "cost center"=4711

A *term* is ``key=value`` or ``key!=value``; ``*`` and ``?`` in a value stand for any letters and
any one letter. The keys ``run`` and ``name`` mean the run's id and name, every other key a label.
``not`` binds closest, then ``and``, then ``or``; parentheses group. Words with spaces or signs of
the language stand in double quotes. The empty text means everything.

Logic has two values: a label that a run lacks equals nothing, so ``=`` is false and ``!=`` is true.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainfare.core.errors import BadInput

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(!=|=|\(|\))|([^\s"=!()]+))')
_PLAIN = re.compile(r'[^\s"=!()]+')
_JOINS = ("and", "or", "not")
_DEPTH_MAX = 50

_Test = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """Runs by their labels; equal selections have equal texts.

    >>> one = select_runs("team=nlp and not model=bert-*")
    >>> one.holds("r-1", {"team": "nlp", "model": "gpt"}), one.holds("r-2", {"team": "cv"})
    (True, False)
    """

    text: str
    """As the user wrote it, without needless blanks; empty for everything."""
    _test: _Test

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def holds(self, run: str, labels: Mapping[str, str], name: str | None = None) -> bool:
        """Whether the run of that id, with these labels and that name, is meant."""
        own = {"run": run} if name is None else {"run": run, "name": name}
        return self._test({**labels, **own})

    def is_within(self, key: str, value: str) -> bool:
        """Whether it can only mean runs whose label *key* is *value*: it says so plainly.

        >>> select_runs("team=nlp and (model=a or model=b)").is_within("team", "nlp")
        True
        >>> select_runs("team=nlp and model=a or model=b").is_within("team", "nlp")
        False
        """
        depth, outer = 0, []
        for token in _tokens(self.text):
            depth += (token == ("(", True)) - (token == (")", True))
            if depth == 0:
                outer.append(token)
        term = [(key, False), ("=", True), (value, False)]
        if ("or", True) in outer or "*" in value or "?" in value:
            return False
        return any(
            outer[at : at + 3] == term and outer[at - 1 : at] != [("not", True)]
            for at in range(len(outer))
        )

    def __str__(self) -> str:
        return self.text or "everything"


def select_runs(text: str) -> Selection:
    """Read a selection.

    Raises:
        BadInput: *text* is not of the language; the message shows where it stops being.

    >>> select_runs("  team = nlp ").text
    'team=nlp'
    """
    tokens = _tokens(text)
    if not tokens:
        return Selection("", lambda _: True)
    reader = _Reader(text, tokens)
    test = reader.either(0)
    if reader.at < len(tokens):
        reader.refuse("the end, or and, or or")
    return Selection(_spelled(tokens), test)


def _tokens(text: str) -> list[tuple[str, bool]]:
    """The words and signs of *text*, each with whether it is a sign of the language."""
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadInput(
                f"{text!r} is no selection: {text[at:].strip()[:20]!r} is not understood"
            )
        quoted, sign, word = match.groups()
        if quoted is not None:
            found.append((re.sub(r"\\(.)", r"\1", quoted), False))
        else:
            found.append((sign or word, sign is not None or word in _JOINS))
        at = match.end()
    return found


def _spelled(tokens: list[tuple[str, bool]]) -> str:
    """*tokens* as one text, with blanks only where words would run together."""
    spelled = ""
    before = ""
    for word, is_sign in tokens:
        plain = is_sign or (_PLAIN.fullmatch(word) and word not in _JOINS)
        escaped = word.replace("\\", "\\\\").replace('"', '\\"')
        sign = word if is_sign else ""
        is_tight = not spelled or before in ("=", "!=", "(") or sign in ("=", "!=", ")")
        spelled += ("" if is_tight else " ") + (word if plain else f'"{escaped}"')
        before = sign
    return spelled


class _Reader:
    """Reads tokens one after the other, by recursive descent."""

    def __init__(self, text: str, tokens: list[tuple[str, bool]]) -> None:
        self.text, self.tokens, self.at = text, tokens, 0

    def refuse(self, wanted: str) -> None:
        found = repr(self.tokens[self.at][0]) if self.at < len(self.tokens) else "its end"
        raise BadInput(
            f"{self.text!r} is no selection: {wanted} should stand where {found} is; "
            "write it as in team=nlp and not model=bert-*"
        )

    def takes(self, sign: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == (sign, True):
            self.at += 1
            return True
        return False

    def word(self, wanted: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][1]:
            self.refuse(wanted)
        self.at += 1
        return self.tokens[self.at - 1][0]

    def either(self, depth: int) -> _Test:
        tests = [self.both(depth)]
        while self.takes("or"):
            tests.append(self.both(depth))
        return tests[0] if len(tests) == 1 else lambda labels: any(test(labels) for test in tests)

    def both(self, depth: int) -> _Test:
        tests = [self.one(depth)]
        while self.takes("and"):
            tests.append(self.one(depth))
        return tests[0] if len(tests) == 1 else lambda labels: all(test(labels) for test in tests)

    def one(self, depth: int) -> _Test:
        if depth > _DEPTH_MAX:
            raise BadInput(
                f"{self.text[:40]!r}… is no selection: it is nested over {_DEPTH_MAX} deep"
            )
        if self.takes("not"):
            test = self.one(depth + 1)
            return lambda labels: not test(labels)
        if self.takes("("):
            test = self.either(depth + 1)
            if not self.takes(")"):
                self.refuse("a closing parenthesis")
            return test
        key = self.word("a label, as in team=nlp,")
        is_negated = self.takes("!=")
        if not is_negated and not self.takes("="):
            self.refuse("= or !=")
        pattern = self.word("a value")
        matches = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).fullmatch
        return lambda labels: bool(key in labels and matches(labels[key])) is not is_negated
