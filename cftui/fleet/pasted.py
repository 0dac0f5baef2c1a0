"""A piece of text from somewhere else, such as a ticket: which VMs it names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from cftui.fleet.rows import VmRow
from cftui.fleet.targets import MIN_PREFIX

MAX_WORDS = 10_000
"""More than these are not a list that anyone made; the rest is not looked at."""

_BREAKS = re.compile(r"[\s,;|\"'`<>()\[\]{}]+")
_AROUND = "*-•:.=#"
"""What lists put around a word: bullets, colons, the full stop of a sentence."""


class Pasted(NamedTuple):
    """What a text came to; words in the order in which they stand, each once."""

    vm_ids: tuple[str, ...] = ()
    """VMs that are named without doubt, each once."""
    ambiguous: tuple[tuple[str, tuple[VmRow, ...]], ...] = ()
    """Words that several VMs answer to."""
    unmatched: tuple[str, ...] = ()
    """Words that no VM answers to."""
    words: int = 0
    """How many different words were looked at; two of them may name one VM."""
    is_cut: bool = False
    """Whether the text held more words than were looked at."""

    @property
    def naming(self) -> int:
        """How many of the words name a VM."""
        return self.words - len(self.ambiguous) - len(self.unmatched)


def read_pasted(text: str, vms: Mapping[str, VmRow]) -> Pasted:
    """The VMs that a text names, by id, name, address, or six and more characters that one id begins with.

    Names are taken in any case. A word that is wrong in any way names nobody: nothing is guessed.

    Args:
        text: One or many lines, with whatever stands between the names.
        vms: All that are known, by id.
    """
    return PastedReader(vms).read(text)


class PastedReader:
    """Reads one text after another against the same VMs; made once, as looking at all of them takes a while.

    Args:
        vms: All that are known, by id.
    """

    def __init__(self, vms: Mapping[str, VmRow]) -> None:
        self._vms = vms
        self._ids = sorted(vms)
        self._by_word: dict[str, list[VmRow]] = {}
        for vm in vms.values():
            for known in {vm.name.casefold(), *_addresses(vm)}:
                self._by_word.setdefault(known, []).append(vm)

    def read(self, text: str) -> Pasted:
        """As `read_pasted`."""
        words = [word for word in (_bare(word) for word in _BREAKS.split(text)) if word]
        found: dict[str, None] = {}
        ambiguous: dict[str, tuple[VmRow, ...]] = {}
        unmatched: dict[str, None] = {}
        different = dict.fromkeys(words[:MAX_WORDS])
        for word in different:
            meant = self._meant(word)
            if len(meant) == 1:
                found[meant[0].id] = None
            elif meant:
                ambiguous[word] = tuple(meant)
            else:
                unmatched[word] = None
        return Pasted(tuple(found), tuple(ambiguous.items()), tuple(unmatched), len(different), len(words) > MAX_WORDS)

    def _meant(self, word: str) -> list[VmRow]:
        if word in self._vms:
            return [self._vms[word]]
        if (named := self._by_word.get(word.casefold())) or len(word) < MIN_PREFIX:
            return named or []
        prefix = word.lower()
        first = end = bisect_left(self._ids, prefix)
        while end < len(self._ids) and self._ids[end].startswith(prefix):
            end += 1
        return [self._vms[vm_id] for vm_id in self._ids[first:end]]


def _bare(word: str) -> str:
    """A word without what a list puts around it; a name that begins or ends so is still found by its id."""
    return word.strip(_AROUND)


def _addresses(vm: VmRow) -> list[str]:
    """Every address of a VM: the parts of its search text that are no id, name, region or status."""
    return [part for part in vm.search.split("\n") if part and part[0] in "0123456789:abcdef" and _is_address(part)]


def _is_address(part: str) -> bool:
    return (part.count(".") == 3 and part.replace(".", "").isdigit()) or part.count(":") > 1
