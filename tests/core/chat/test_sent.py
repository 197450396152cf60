"""Messages as JSON, out and in."""

import json

from sayso.chat import received, sent
from tests.tables import each


def test_half_a_character_that_a_platform_itself_sent_is_written_as_it_came() -> None:
    """Otherwise a card that repeats a name would never be posted."""
    assert sent.to_json({"text": "\ud83d"}) == b'{"text": "\\ud83d"}'
    assert sent.to_json({"text": "é", "n": [1, None, True]}) == '{"text":"é","n":[1,null,true]}'.encode()


def test_a_body_is_read_as_json_reads_it() -> None:
    for row in each(
        ['{"a": "\\ud83d"}', '{"a": 1, "a": 2}', '{"a": [12345678901234567890123, 1e400, 1.5]}', '{"a": "\\u00e9é"}']
    ):
        with row as body:
            assert received.document(body) == received.document(body.encode()) == json.loads(body)


def test_half_a_character_in_a_text_itself_is_read_as_json_reads_it() -> None:
    assert received.document('{"a": "\ud83d"}') == {"a": "\ud83d"}


def test_what_is_no_object_reads_as_nothing() -> None:
    rows: list[str | bytes] = ["", "[]", "nothing", '{"a": ', b"\xff{}", "[" * 100_000]
    for row in each(rows):
        with row as body:
            assert received.document(body) is None


def test_what_a_platform_finds_wrong_is_told_with_its_place_and_without_what_it_quotes() -> None:
    rows: list[tuple[list[tuple[str, str]], str]] = [
        ([], ""),
        ([("/blocks/0", "must be less than 3001 characters")], " (/blocks/0: must be less than 3001 characters)"),
        ([("", "Cannot send an empty message.")], " (Cannot send an empty message)"),
        ([("a", "Value \"hunter2 x\" is not 'one'"), ("b", "`x` isn't")], " (a: Value … is not …; b: … isn't)"),
        ([("a", 'Value "hunter2')], " (a: Value …)"),
        ([("a", f"id {'k' * 25} already exists")], " (a: id … already exists)"),
        ([("a", "x\n  y")] * 9, " (a: x y; a: x y; a: x y)"),
        ([("a" * 999, "x " * 9999)], f" ({('x ' * 80)})"),
        ([("a", 'Value "he says "my key is hunter2" here" is bad')], " (a: Value … is bad)"),
        ([('/blocks/0: must be "x hunter2', "is bad"), ("a.b.0_c", "is bad")], " (is bad; a.b.0_c: is bad)"),
        ([("/" + "a" * 25, "is bad"), ("/a" * 40_000, "is bad")], " (is bad; is bad)"),
    ]
    for row in each(rows):
        with row as (found, told):
            assert received.where_wrong(found) == told
