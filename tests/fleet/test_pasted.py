from __future__ import annotations

import time

from cftui.fleet.pasted import MAX_WORDS, Pasted, read_pasted
from tests.fleet.build import vm

ROWS = [
    vm("5609f1ee1b0c4d2da622737b5ca25e6c", "web-1", address="203.0.113.7"),
    vm("77aa00000000000000000000000000aa", "web-2", address="203.0.113.8"),
    vm("88bb00000000000000000000000000bb", "twin", address="2001:db8::8"),
    vm("99cc00000000000000000000000000cc", "twin", address="203.0.113.9"),
]
VMS = {row.id: row for row in ROWS}


def test_a_ticket_names_vms_by_name_address_and_id() -> None:
    text = """Affected:
      * WEB-1 (203.0.113.7),
      * 77aa000000
      - 2001:db8::8.
    and the gateway
    """
    found = read_pasted(text, VMS)
    assert found.vm_ids == (ROWS[0].id, ROWS[1].id, ROWS[2].id)
    assert found.ambiguous == ()
    assert found.unmatched == ("Affected", "and", "the", "gateway")
    assert (found.naming, found.words) == (4, 8), "two of the four words are one VM"


def test_a_name_that_several_have_is_nobody() -> None:
    found = read_pasted("twin 99cc00", VMS)
    assert found.vm_ids == (ROWS[3].id,)
    assert [(word, len(rows)) for word, rows in found.ambiguous] == [("twin", 2)]


def test_nothing_is_guessed() -> None:
    assert read_pasted("web web-11 77aa 203.0.113.70", VMS).vm_ids == ()
    assert read_pasted("running moscow_01", VMS).vm_ids == ()


def test_nothing_and_too_much() -> None:
    assert read_pasted(" \n, ;", VMS) == Pasted()
    assert read_pasted("x " + " ".join(map(str, range(MAX_WORDS + 5))), VMS).is_cut


def test_ten_thousand_words_on_ten_thousand_vms_are_read_at_once() -> None:
    fleet = {row.id: row for row in (vm(f"{n:032x}", f"web-{n}") for n in range(10_000))}
    words = " ".join(f"nobody-{n}" if n % 2 else f"web-{n}" for n in range(MAX_WORDS))
    began = time.perf_counter()
    found = read_pasted(words, fleet)
    assert time.perf_counter() - began < 2
    assert (len(found.vm_ids), len(found.unmatched)) == (5000, 5000)
