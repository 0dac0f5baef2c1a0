from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftui.fleet.history import Stage
from cftui.fleet.query import Query, QueryError, filter, narrows, nearest, parse
from tests.fleet.build import entry, vm

WEB = vm("aa01", "Web-1", "running", region="moscow_01", cpu=2, ram_gb=4, disk_gb=40, address="10.0.0.1")
API = vm("bb02", "api-1", "stopped", region="moscow_02", cpu=4, ram_gb=8, disk_gb=1000, address="10.0.0.2")
BASE = vm("cc03", "db [/]", "paused", region="spb_01", cpu=None, ram_gb=16, disk_gb=2000, address="", locked=True)
FLEET = [WEB, API, BASE]
DOING = {
    "aa01": entry(Stage.ACCEPTED, "reboot"),
    "bb02": entry(Stage.ERRORED, "resize"),
    "cc03": entry(Stage.UNKNOWN, "snapshot"),
}


def names(text: str) -> str:
    return " ".join(row.id[:1] for row in filter(parse(text), FLEET, marked={"bb02"}, doing=DOING))


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("", "a b c"),
        ("   ", "a b c"),
        ("web", "a"),
        ("WEB", "a"),
        ("1 moscow", "a b"),
        ("moscow_02", "b"),
        ("bb02", "b"),
        ("10.0.0.2", "b"),
        ("paused", "c"),
        ("!moscow", "c"),
        ("web|api", "a b"),
        ("!web|api", "c"),
        ('"db [/]"', "c"),
        ('"db [', "c"),
        ('!"db [/]"', "a b"),
        ("name:1", "a b"),
        ("name=web-1", "a"),
        ("name=web", ""),
        ("id:b", "b"),
        ("region:moscow", "a b"),
        ("region:moscow_01|spb", "a c"),
        ("region:spb|name:web", "a c"),
        ("!region:moscow", "c"),
        ("ip:10.0.0.1", "a"),
        ("address:web", ""),
        ("status:stopped", "b"),
        ("state:run", "a"),
        ("locked:yes", "c"),
        ("locked:no", "a b"),
        ("cpu>=2", "a b"),
        ("cpu>2", "b"),
        ("!cpu>2", "a c"),
        ("cpu=4", "b"),
        ("vcpus:4", "b"),
        ("ram>4", "b c"),
        ("ram>4G ram<=8GB", "b"),
        ("mem<4097MB", "a"),
        ("disk>1T", "c"),
        ("disk>=1T", "b c"),
        ("disk<80", "a"),
        ("is:marked", "b"),
        ("!is:marked", "a c"),
        ("is:locked", "c"),
        ("is:running", "a"),
        ("is:stopped|locked", "b c"),
        ("act:running", "a"),
        ("act:failed", "b"),
        ("act:unknown", "c"),
        ("act:resize", "b"),
        ("/^web-[0-9]$/", "a"),
        ("/WEB|db/", "a c"),
        ("!/-1$/", "c"),
        (r"/\[\/\]/", "c"),
        ("/b [[]/", "c"),
        ("!", "a b c"),
        ("region:", "a b c"),
        ("web|", "a"),
        ("|", "a b c"),
        ("::1", ""),
        ("fe80::1", ""),
    ],
)
def test_the_language(text: str, passed: str) -> None:
    assert names(text) == passed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regoin:x", "the nearest is region"),
        ("xyzzy:1", "there are name"),
        ("ramm>4", "the nearest is ram"),
        ("cpu>=", "a number"),
        ("cpu>four", "no unit"),
        ("ram>4Q", "units are MB, GB and TB"),
        ("ram>1,5", "no commas"),
        ("name>4", "name is no number"),
        ("is:runing", "the nearest is running"),
        ("act:xx", "running, failed, unknown"),
        ("locked:maybe", "yes, no"),
        ("web /abc", "unfinished"),
        ("/abc", "unfinished"),
        ("/", "unfinished"),
        ("/(/", "no regular expression"),
        ("/(a+)+b/", "may never end"),
        ("/((a|b)c)*/", "may never end"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_nearest(text: str, told: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert told in caught.value.message


def test_an_unknown_key_says_how_to_look_for_the_text_itself() -> None:
    with pytest.raises(QueryError) as caught:
        parse("de:ad")
    assert '"de:ad"' in caught.value.hint
    assert names('"de:ad"') == ""


def test_equal_texts_are_equal_queries() -> None:
    assert parse("web is:locked") == parse("web is:locked")
    assert parse("web") != parse("api")


def test_plain_words_and_names_are_underlined() -> None:
    assert parse("Web !db name:One a|b region:x /r/").words == ("web", "one")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "w"),
        ("w", "web"),
        ("web", "web moscow"),
        ("region:mos", "region:moscow_01 web"),
        ("region:mos", "region=moscow_01"),
        ("!db", "!db web"),
        ("is:marked", "is:marked web"),
        ("cpu>2", "cpu>2 web"),
    ],
)
def test_more_typed_narrows(old: str, new: str) -> None:
    assert narrows(parse(old), parse(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("web", "we"),
        ("!we", "!web"),
        ("web", "web|api"),
        ("web", "!web"),
        ("cpu>2", "cpu>20"),
        ("name=web", "name:webs"),
        ("region:a", "name:a"),
        ("web", ""),
    ],
)
def test_what_may_let_more_pass_does_not_narrow(old: str, new: str) -> None:
    assert not narrows(parse(old), parse(new))


def test_the_nearest_that_a_vm_has_is_proposed() -> None:
    assert nearest(parse("region:moskow_01"), FLEET) == ("moskow_01", "moscow_01")
    assert nearest(parse("wep-1"), FLEET) == ("wep-1", "Web-1")
    assert nearest(parse("web region:spb"), FLEET) is None
    assert nearest(parse("zzzzzz"), FLEET) is None


def test_a_megabyte_of_hostile_name_is_searched_at_once() -> None:
    hostile = vm("dd04", "a" * 1_000_000)
    assert filter(parse("/^(?:a|b)a*z/"), [hostile]) == []


WORDS = st.sampled_from(
    ["web", "1", "!db", "a|b", "region:mos", "!region:spb", "cpu>2", "is:marked", "name=web-1", "/w.b/", "moscow"]
)
SOUP = st.text(st.sampled_from('ab1 :|!"/\\()[]{}*+.<>=_,é\n\x1b'), max_size=14)
few = settings(derandomize=True, deadline=None, max_examples=150)


@few
@given(st.one_of(SOUP, st.text(max_size=30)))
def test_any_text_is_a_filter_or_a_query_error(text: str) -> None:
    message, passed = "", set(FLEET)
    try:
        passed = set(filter(parse(text), FLEET))
    except QueryError as error:
        message = error.message
    assert message.isprintable()
    assert passed <= set(FLEET)


@few
@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=3))
def test_every_word_must_match_and_narrowing_is_sound(some: list[str], more: list[str]) -> None:
    old, new = parse(" ".join(some)), parse(" ".join([*some, *more]))
    both = filter(new, FLEET, marked={"bb02"})
    assert both == filter(parse(" ".join(more)), filter(old, FLEET, marked={"bb02"}), marked={"bb02"})
    assert both == [row for row in FLEET if new.matches(row, is_marked=row.id == "bb02")]
    assert narrows(old, new)


@few
@given(SOUP, SOUP)
def test_whatever_narrows_lets_less_pass(some: str, more: str) -> None:
    try:
        old, new = parse(some), parse(more)
    except QueryError:
        return
    if narrows(old, new):
        assert set(filter(new, FLEET)) <= set(filter(old, FLEET))


@few
@given(WORDS)
def test_a_negated_word_passes_the_others(word: str) -> None:
    query: Query = parse(f"!{word.removeprefix('!')}")
    plain = parse(word.removeprefix("!"))
    assert {*filter(query, FLEET), *filter(plain, FLEET)} == set(FLEET)
    assert not set(filter(query, FLEET)) & set(filter(plain, FLEET))
