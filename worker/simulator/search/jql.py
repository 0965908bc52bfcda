"""The part of JQL that the simulator reads, as a tree; anything else is Jira's 400."""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

MOST_ORDER_FIELDS: Final = 7
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<op>!=|>=|<=|!~|[=<>~(),])|(?P<word>[^\s=!<>~(),"']+))"""
)
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "order", "by", "asc", "desc"})
_OPERATORS: Final = frozenset({"=", "!=", ">", ">=", "<", "<=", "~", "!~"})


class JqlError(ValueError):
    """A query Jira answers with 400; the message is Jira's."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as written; ``call`` is a function such as ``now()``."""

    text: str
    quoted: bool = False
    call: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """``field operator values``; ``in`` and ``not in`` have several, ``is`` has ``EMPTY``."""

    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The part does not hold."""

    part: "Node"


Node = Clause | Both | Either | Negated


@dataclass(frozen=True, slots=True)
class Order:
    """One field of ``ORDER BY``."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; ``where`` is None for an unbounded one."""

    where: Node | None
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool
    place: int

    @property
    def keyword(self) -> str:
        return "" if self.quoted else self.text.lower()


def parse(text: str) -> Query:
    """The tree of a query; raises ``JqlError`` with Jira's text and the place of the mistake."""
    parser = _Parser(_tokens(text))
    where = None if parser.at_end or parser.peek("order") else parser.either()
    order = parser.order() if parser.peek("order") else ()
    if not parser.at_end:
        parser.fail("either 'OR' or 'AND'")
    return Query(where, order)


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise JqlError(
                "Error in the JQL Query: The character "
                f"'{text[place:].strip()[0]}' is a reserved JQL character. "
                f"(line 1, character {place + 1})"
            )
        string = match.group("string")
        shown = re.sub(r"\\(.)", r"\1", string[1:-1]) if string else match.group().strip()
        tokens.append(_Token(shown, string is not None, match.end() - len(match.group().strip())))
        place = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def peek(self, *keywords: str) -> bool:
        return not self.at_end and self._tokens[self._at].keyword in keywords

    def take(self, *keywords: str) -> bool:
        found = self.peek(*keywords)
        self._at += found
        return found

    def fail(self, wanted: str) -> NoReturn:
        if self.at_end:
            raise JqlError(
                f"Error in the JQL Query: Expecting {wanted} before the end of the query."
            )
        token = self._tokens[self._at]
        raise JqlError(
            f"Error in the JQL Query: Expecting {wanted} but got '{token.text}'. "
            f"(line 1, character {token.place + 1})"
        )

    def either(self) -> Node:
        parts = [self.both()]
        while self.take("or", "||"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Node:
        parts = [self.one()]
        while self.take("and", "&&"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def one(self) -> Node:
        if self.take("not"):
            return Negated(self.one())
        if self.take("("):
            inner = self.either()
            if not self.take(")"):
                self.fail("')'")
            return inner
        return self.clause()

    def clause(self) -> Clause:
        field = self.name("a field name")
        operator = self.operator()
        if operator in ("in", "not in"):
            return Clause(field, operator, self.values())
        return Clause(field, operator, (self.operand(),))

    def name(self, wanted: str) -> str:
        token = None if self.at_end else self._tokens[self._at]
        if token is None or token.keyword in _KEYWORDS | _OPERATORS | {"(", ")", ","}:
            self.fail(wanted)
        self._at += 1
        return token.text

    def operator(self) -> str:
        for operator in _OPERATORS:
            if self.take(operator):
                return operator
        if self.take("in"):
            return "in"
        if self.take("is"):
            return "is not" if self.take("not") else "is"
        if self.take("not") and self.take("in"):
            return "not in"
        return self.fail("either '=', '!=', '~', '!~', '<', '>', '<=', '>=', 'in' or 'is'")

    def values(self) -> tuple[Operand, ...]:
        if not self.take("("):
            self.fail("'('")
        found = [self.operand()]
        while self.take(","):
            found.append(self.operand())
        if not self.take(")"):
            self.fail("')' or ','")
        return tuple(found)

    def operand(self) -> Operand:
        quoted = not self.at_end and self._tokens[self._at].quoted
        text = self.name("a value, list or function")
        call = not quoted and self.take("(")
        if call and not self.take(")"):
            self.fail("')'")
        return Operand(text, quoted, call)

    def order(self) -> tuple[Order, ...]:
        self._at += 1
        if not self.take("by"):
            self.fail("'by'")
        found = [self.order_field()]
        while self.take(","):
            found.append(self.order_field())
        if len(found) > MOST_ORDER_FIELDS:
            raise JqlError(f"The ORDER BY clause may have at most {MOST_ORDER_FIELDS} fields.")
        return tuple(found)

    def order_field(self) -> Order:
        name = self.name("a field name")
        descending = self.take("desc")
        if not descending:
            self.take("asc")
        return Order(name, descending)
