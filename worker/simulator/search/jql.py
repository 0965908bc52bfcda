"""The part of JQL that the simulator reads: clauses joined by AND, and ORDER BY.

That is what our client sends and what a webhook filter by project needs. Any other query is
refused with 400, also where Jira would take it: the simulator is never more lenient than Jira.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

T = TypeVar("T")

MOST_ORDER_FIELDS: Final = 7
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<op>!=|>=|<=|!~|[=<>~(),])|(?P<word>[^\s=!<>~(),"']+))"""
)
_OPERATORS: Final = ("=", ">=", "<=", ">", "<", "in")
_UNSUPPORTED: Final = frozenset({"or", "||", "not", "is", "was", "changed", "!=", "~", "!~"})
_NO_NAMES: Final = frozenset(
    {*_OPERATORS, "and", "&&", "order", "by", "asc", "desc", "(", ")", ","}
)


_RESERVED: Final = frozenset(
    re.findall(
        r"\w+",
        """
    abort access add after alias all alter and any as asc audit avg before begin between boolean
    break by byte catch cf char character check checkpoint collate collation column commit connect
    continue count create current date decimal declare decrement default defaults define delete
    delimiter desc difference distinct divide do double drop else empty encoding end equals escape
    exclusive exec execute exists explain false fetch field file first float for from function go
    goto grant greater group having identified if immediate in increment index initial inner inout
    input insert int integer intersect intersection into is isempty isnull join last left less like
    limit lock long max min minus mode modify modulo more multiply next noaudit not notin nowait
    null number object of on option or order outer output power previous prior privileges public
    raise raw remainder rename resource return returns revoke right row rowid rownum rows select
    session set share size sqrt start strict string subtract sum synonym table then to trans
    transaction trigger true uid union unique update user validate values view when whenever where
    while with
        """,
    )
)
"""Atlassian's list of reserved words: they must be quoted, also in front of a key's number."""


class JqlError(ValueError):
    """A query that is answered with 400; the message is Jira's where Jira has one."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as it is written."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """``field operator values``; only ``in`` has several values."""

    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One field of ``ORDER BY``."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; all clauses must hold, and a query without one is unbounded."""

    where: tuple[Clause, ...]
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
    """Parse a query; raises ``JqlError`` with Jira's text and the place of the mistake."""
    parser = _Parser(_tokens(text))
    bare = parser.at_end or parser.peek("order")
    where = () if bare else parser.several(parser.clause, "and", "&&")
    order = parser.order() if parser.peek("order") else ()
    if not parser.at_end:
        parser.fail("either 'AND' or 'ORDER BY'")
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

    def fail(self, expected: str) -> NoReturn:
        if self.at_end:
            raise JqlError(
                f"Error in the JQL Query: Expecting {expected} before the end of the query."
            )
        token = self._tokens[self._at]
        if token.keyword in _UNSUPPORTED:
            raise JqlError(f"The simulator does not support '{token.text}' in JQL.")
        raise JqlError(
            f"Error in the JQL Query: Expecting {expected} but got '{token.text}'. "
            f"(line 1, character {token.place + 1})"
        )

    def expect(self, keyword: str) -> None:
        if not self.take(keyword):
            self.fail(f"'{keyword}'")

    def several(self, item: Callable[[], T], *separators: str) -> tuple[T, ...]:
        found = [item()]
        while self.take(*separators):
            found.append(item())
        return tuple(found)

    def clause(self) -> Clause:
        field = self.name("a field name").text
        for operator in _OPERATORS:
            if self.take(operator):
                values = self.values() if operator == "in" else (self.operand(),)
                return Clause(field, operator, values)
        return self.fail("either '=', '<', '>', '<=', '>=' or 'in'")

    def name(self, expected: str) -> _Token:
        if self.at_end or self._tokens[self._at].keyword in _NO_NAMES | _UNSUPPORTED:
            self.fail(expected)
        self._at += 1
        return self._tokens[self._at - 1]

    def operand(self) -> Operand:
        token = self.name("a value")
        word = token.keyword.partition("-")[0]
        if word in _RESERVED:
            raise JqlError(
                f"Error in the JQL Query: '{word}' is a reserved JQL word. You must surround it in "
                f"quotation marks to use it in a query. (line 1, character {token.place + 1})"
            )
        return Operand(token.text, token.quoted)

    def values(self) -> tuple[Operand, ...]:
        self.expect("(")
        found = self.several(self.operand, ",")
        if not self.take(")"):
            self.fail("')' or ','")
        return found

    def order(self) -> tuple[Order, ...]:
        self.expect("order")
        self.expect("by")
        found = self.several(self.order_field, ",")
        if len(found) > MOST_ORDER_FIELDS:
            raise JqlError(f"The ORDER BY clause may have at most {MOST_ORDER_FIELDS} fields.")
        return found

    def order_field(self) -> Order:
        name = self.name("a field name").text
        descending = self.take("desc")
        if not descending:
            self.take("asc")
        return Order(name, descending)
