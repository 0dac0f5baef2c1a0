"""The filter language: words that must all match, the same in the cockpit and on the command line.

    web moscow         both words, in any of name, id, address, region, status
    "two words"        as it stands, spaces and signs included
    !db                not that word
    web|api            one or the other; `region:msk|spb` is one region or the other
    region:moscow      in that column: name, id, address (ip), region, status (state); `name=web-1` is exactly that
    cpu>=2 ram>4 disk<1T    numbers; sizes in GB unless a unit says otherwise
    is:marked          also locked, running, stopped
    act:running        also failed, unknown, or the type of an action that the VM is doing
    /web-[0-9]+$/      a regular expression, on each of the texts

`!` stands before a whole word and negates all of it, alternatives included. What is still being typed (`!`, `region:`,
`a|`) lets pass.
"""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from cftui.errors import UsageError
from cftui.fleet.history import OPEN_STAGES, HistoryEntry, Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.sizes import SizeError, parse_gb
from cftui.text import clean


class QueryError(UsageError):
    """A filter cannot be read."""

    title = "Filter"


Test = Callable[[VmRow, bool, HistoryEntry | None], bool]
"""Whether a VM passes, given whether it is marked and what it is doing."""

_ANYWHERE = "anywhere"
"""The column of a plain word: all texts at once."""

_TEXT_COLUMNS: dict[str, Callable[[VmRow], str]] = {
    "name": lambda vm: vm.name.lower(),
    "id": lambda vm: vm.id.lower(),
    "address": lambda vm: "\n".join(vm.search.split("\n")[2:-2]),
    "region": lambda vm: vm.region.lower(),
    "status": lambda vm: vm.status.lower(),
}

_NUMBER_COLUMNS: dict[str, Callable[[VmRow], float | None]] = {
    "cpu": lambda vm: vm.cpu,
    "ram": lambda vm: vm.ram_gb,
    "disk": lambda vm: vm.disk_gb,
}

_SHORTHANDS = {"ip": "address", "state": "status", "mem": "ram", "memory": "ram", "vcpus": "cpu"}

_KEYS = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, *_SHORTHANDS, "is", "act", "locked")

_ACTION_TYPES = frozenset(map(str, ActionType))
_FAILED_STAGES = frozenset({Stage.ERRORED, Stage.REJECTED, Stage.NOT_SENT})
_UNKNOWN_STAGES = frozenset({Stage.UNKNOWN, Stage.TIMED_OUT})

_IS: dict[str, Test] = {
    "marked": lambda vm, is_marked, doing: is_marked,
    "locked": lambda vm, is_marked, doing: vm.locked,
    "running": lambda vm, is_marked, doing: vm.power is Power.ON,
    "stopped": lambda vm, is_marked, doing: vm.power is Power.OFF,
}

_ACT: dict[str, Test] = {
    "running": lambda vm, is_marked, doing: doing is not None and doing.stage in OPEN_STAGES,
    "failed": lambda vm, is_marked, doing: doing is not None and doing.stage in _FAILED_STAGES,
    "unknown": lambda vm, is_marked, doing: doing is not None and doing.stage in _UNKNOWN_STAGES,
}

_LOCKED: dict[str, Test] = {
    "yes": _IS["locked"],
    "no": lambda vm, is_marked, doing: not vm.locked,
}

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    ":": operator.eq,
}

_WORD = re.compile(r'!?(?:/(?:\\.|[^\\/])*/(?=\s|$)|/.*|(?:"[^"]*"?|[^\s"])+)', re.DOTALL)
_ALTERNATIVE = re.compile(r'(?:"[^"]*"?|[^|"])+')
_KEYED = re.compile(r"([A-Za-z_]+)(>=|<=|[:=<>])(.*)", re.DOTALL)

_REGEX_SEES = 1024
"""Characters of a VM's texts that a regular expression sees: its cost may grow with a power of them."""


class Term(NamedTuple):
    """One word of a filter."""

    source: str
    """As typed."""
    test: Test
    column: str = ""
    """For a single text that is looked for: where; else empty."""
    text: str = ""
    is_whole: bool = False
    """The column must be that text, not only hold it."""
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed filter. Equal texts give equal queries."""

    text: str
    terms: tuple[Term, ...] = field(default=(), compare=False, repr=False)

    def matches(self, vm: VmRow, *, is_marked: bool = False, doing: HistoryEntry | None = None) -> bool:
        """Whether a VM passes."""
        return all(term.test(vm, is_marked, doing) for term in self.terms)

    @property
    def words(self) -> tuple[str, ...]:
        """Plain words to underline in names, in lower case."""
        return tuple(t.text for t in self.terms if t.column in (_ANYWHERE, "name") and not t.is_negated)


def parse(text: str) -> Query:
    """Read a filter; an empty one lets everything pass.

    Raises:
        QueryError: An unknown key, an unfinished `/regex/`, a number that is none; the message names the nearest key.
    """
    terms = (_term(match[0]) for match in _WORD.finditer(text))
    return Query(text, tuple(term for term in terms if term is not None))


def filter(
    query: Query,
    rows: Iterable[VmRow],
    *,
    marked: Collection[str] = frozenset(),
    doing: Mapping[str, HistoryEntry] | None = None,
) -> list[VmRow]:
    """The rows that pass, in their order; plain words cost one search of one string a row.

    Args:
        query: What to look for.
        rows: All rows, or those that passed a query that this one narrows.
        marked: Ids of the marked VMs.
        doing: What VMs are doing, by id.
    """
    passed = list(rows)
    plain = [term for term in query.terms if term.column == _ANYWHERE and not term.is_negated]
    for word in sorted((term.text for term in plain), key=len, reverse=True):
        passed = [vm for vm in passed if vm.search.find(word, len(vm.id)) >= 0 or vm.search.startswith(word)]
    tests = [term.test for term in query.terms if term not in plain]
    entries = doing or {}
    for test in tests:
        passed = [vm for vm in passed if test(vm, vm.id in marked, entries.get(vm.id))]
    return passed


def narrows(old: Query, new: Query) -> bool:
    """Whether all that passes `new` surely passes `old`, so that the rows of `old` are all that need be looked at.

    True while a word grows or words are added. Marks, and what VMs are doing, must be as they were.
    """
    return all(any(_implies(term, wanted) for term in new.terms) for wanted in old.terms)


def nearest(query: Query, rows: Iterable[VmRow]) -> tuple[str, str] | None:
    """For a filter that nothing passes: a name, region or status that no VM has, and the nearest that one has.

    Returns:
        What was typed (lower case) and what to take instead, as the cloud spells it; None when nothing is near.
    """
    vms = list(rows)
    for term in query.terms:
        if term.is_negated or term.column not in ("name", "region", "status", _ANYWHERE):
            continue
        columns = ("region", "status", "name") if term.column == _ANYWHERE else (term.column,)
        if any(term.test(vm, False, None) for vm in vms):
            continue
        for column in columns:
            known = {str(getattr(vm, column)).lower(): str(getattr(vm, column)) for vm in vms}
            if close := get_close_matches(term.text, known, n=1):
                return term.text, known[close[0]]
    return None


def _term(source: str) -> Term | None:
    is_negated = source.startswith("!")
    word = source[is_negated:]
    alternatives = [_regex(source, word)] if word.startswith("/") else _alternatives(source, word)
    if not alternatives:
        return None
    if len(alternatives) == 1 and not is_negated:
        return alternatives[0]
    if len(alternatives) == 1:
        only = alternatives[0]
        return only._replace(test=_none_of([only.test]), is_negated=True)
    tests = [term.test for term in alternatives]
    return Term(source, _none_of(tests) if is_negated else _any_of(tests), is_negated=is_negated)


def _alternatives(source: str, word: str) -> list[Term]:
    """The alternatives of a word; one without a key of its own is looked for where the one before it is."""
    terms: list[Term] = []
    key, sign = "", ""
    for match in _ALTERNATIVE.finditer(word):
        part = match[0]
        if not part.startswith('"') and (keyed := _KEYED.fullmatch(part)):
            key, sign, part = _known_key(keyed[1], part), keyed[2], keyed[3]
        value = " ".join(part.replace('"', "").lower().split())
        if value or sign not in ("", ":"):
            terms.append(_looked_for(source, key, sign, value))
    return terms


def _known_key(typed: str, part: str) -> str:
    key = typed.lower()
    if key in _KEYS:
        return _SHORTHANDS.get(key, key)
    close = get_close_matches(key, _KEYS, n=1)
    advice = f"the nearest is {close[0]}" if close else f"there are {', '.join(_KEYS)}"
    raise QueryError(f"no key {clean(typed)!r}: {advice}", hint=f'To look for the text itself: "{clean(part)}"')


def _looked_for(source: str, key: str, sign: str, value: str) -> Term:
    if not key:
        return Term(source, lambda vm, is_marked, doing: _holds(vm, value), _ANYWHERE, value)
    if key in _NUMBER_COLUMNS:
        return Term(source, _number_test(key, sign, value))
    if sign in ("<", ">", "<=", ">="):
        raise QueryError(f"{key} is no number: write {key}:{value or '…'}")
    if key in _TEXT_COLUMNS:
        return _text_term(source, key, value, is_whole=sign == "=")
    if key == "act" and value in _ACTION_TYPES:
        return Term(source, lambda vm, is_marked, doing: doing is not None and doing.type == value)
    words = {"is": _IS, "act": _ACT, "locked": _LOCKED}[key]
    if value not in words:
        close = get_close_matches(value, words, n=1)
        raise QueryError(
            f"{key}: is followed by {', '.join(words)}" + (f"; the nearest is {close[0]}" if close else "")
        )
    return Term(source, words[value])


def _holds(vm: VmRow, word: str) -> bool:
    """Whether a word is in any text of a VM; in its id only from its beginning."""
    return vm.search.find(word, len(vm.id)) >= 0 or vm.search.startswith(word)


def _text_term(source: str, key: str, value: str, *, is_whole: bool) -> Term:
    read = _TEXT_COLUMNS[key]

    def holds(vm: VmRow, is_marked: bool, doing: HistoryEntry | None) -> bool:
        return value in read(vm)

    def equals(vm: VmRow, is_marked: bool, doing: HistoryEntry | None) -> bool:
        return value == read(vm)

    return Term(source, equals if is_whole else holds, key, value, is_whole)


def _number_test(key: str, sign: str, value: str) -> Test:
    read, compare = _NUMBER_COLUMNS[key], _COMPARISONS[sign]
    try:
        if key == "cpu" and value.strip("0123456789.,"):
            raise SizeError("a count has no unit")
        wanted = parse_gb(value)
    except SizeError as error:
        raise QueryError(f"{key}{sign}{clean(value)}: {error.message}") from None

    def test(vm: VmRow, is_marked: bool, doing: HistoryEntry | None) -> bool:
        size = read(vm)
        return size is not None and compare(size, wanted)

    return test


def _regex(source: str, word: str) -> Term:
    pattern = word[1:-1]
    if len(word) < 2 or not re.fullmatch(r"/(?:\\.|[^\\/])*/", word, re.DOTALL):
        raise QueryError(f"{clean(word)} is unfinished: a regular expression ends with /")
    if _repeats_a_repeat(pattern):
        raise QueryError(f"{clean(word)} repeats what repeats already; that may never end")
    try:
        with warnings.catch_warnings():
            # A pattern that may mean something else in a later Python is still a pattern.
            warnings.simplefilter("ignore")
            search = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search
    except (re.error, OverflowError, RecursionError) as error:
        raise QueryError(f"{clean(word)} is no regular expression: {clean(str(error))}") from None
    return Term(source, lambda vm, is_marked, doing: search(vm.search[:_REGEX_SEES]) is not None)


def _repeats_a_repeat(pattern: str) -> bool:
    """Whether a group with a repeat or alternatives in it is repeated: `(a+)+` can take exponential time."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    varied = [False]
    for index, char in enumerate(bare):
        if char == "(":
            varied.append(False)
        elif char == ")" and len(varied) > 1:
            inner = varied.pop()
            if inner and bare[index + 1 : index + 2] in ("*", "+", "{"):
                return True
            varied[-1] |= inner
        elif char in "*+{|":
            varied[-1] = True
    return False


def _any_of(tests: list[Test]) -> Test:
    return lambda vm, is_marked, doing: any(test(vm, is_marked, doing) for test in tests)


def _none_of(tests: list[Test]) -> Test:
    return lambda vm, is_marked, doing: not any(test(vm, is_marked, doing) for test in tests)


def _implies(new: Term, old: Term) -> bool:
    """Whether what passes `new` surely passes `old`."""
    if new.source == old.source:
        return True
    if not old.column or old.column != new.column or old.is_negated or new.is_negated:
        return False
    if old.column == _ANYWHERE:
        return new.text.startswith(old.text)  # an id is looked at from its beginning
    return old.text == new.text if old.is_whole else old.text in new.text
