"""AskUserQuestion becomes a request that people can fill in, and their answers the input that Claude Code takes."""

from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.asking import gate
from sayso.desk import token_secret
from sayso.machine import people
from sayso.stores import memory
from sayso_claude import questions

Json = dict[str, Any]
ANN = people.Actor(account="test:ann", name="Ann", member=True)

DB: Json = {
    "question": "Which database?",
    "header": "Database",
    "options": [{"label": "PostgreSQL", "description": "shared"}, {"label": "SQLite", "description": "a file"}],
    "multiSelect": False,
}
REGIONS: Json = {
    "question": "Which regions?",
    "header": "Regions",
    "options": [{"label": "eu", "description": "Frankfurt"}, {"label": "us", "description": "Ohio"}],
    "multiSelect": True,
}
LOOK: Json = {
    "question": "Which layout?",
    "header": "Layout",
    "options": [
        {"label": "Tabs", "description": "flat", "preview": "[a] [b]\n```x```"},
        {"label": "List", "description": "long", "preview": "<ul><li>a</li></ul>"},
    ],
    "multiSelect": False,
}


async def answered(asked: list[Json], **answer: Any) -> Json:
    """What Claude Code gets when Ann gives this answer at a desk."""
    store = memory.MemoryStore()
    desk = sayso.Desk(store, await token_secret.mint(store))
    input = {"questions": asked, "answers": {asked[0]["question"]: "written by the model"}}
    ticket = await desk.open(questions.request(input, verdicts=("deny",)))
    await desk.answer(ticket.id, model.Answer(**answer), ANN)
    return questions.updated_input(input, await desk.wait(ticket.id))


def test_one_plain_question_is_answered_with_one_press() -> None:
    request = questions.request({"questions": [DB]})
    assert (request.kind, request.title, request.other, request.multiple) == ("choice", "Which database?", True, False)
    assert [(option.label, option.description) for option in request.options] == [
        ("PostgreSQL", "shared"),
        ("SQLite", "a file"),
    ]
    assert request.context == {"Topic": "Database"}


def test_several_questions_are_one_form_that_shows_everything() -> None:
    request = questions.request({"questions": [DB, REGIONS, LOOK]}, policy="team")
    assert (request.kind, request.title, request.policy) == ("form", "Database · Regions · Layout", "team")
    shape = [(field.name, field.kind, field.multiple, field.other, field.required) for field in request.fields]
    assert shape == [
        ("q0", "choice", False, True, False),
        ("q1", "choice", True, True, False),
        ("q2", "choice", False, True, False),
        ("n2", "text", False, False, False),
        ("response", "text", False, False, False),
    ]
    assert request.body is not None
    for said in (
        "**Database**\nWhich database?\n\n- **PostgreSQL** shared",
        "Which regions? (one or more)",
        "Preview of Tabs:\n\n````\n[a] [b]\n```x```\n````",
        "```\n<ul><li>a</li></ul>\n```",
    ):
        assert said in request.body


@pytest.mark.parametrize(
    ("asked", "answer", "answers"),
    [
        ([DB], {"choice": "SQLite"}, {"Which database?": "SQLite"}),
        ([DB], {"choice": "neither, wait"}, {"Which database?": "neither, wait"}),
        ([REGIONS], {"values": {"q0": ["eu", "mars"]}}, {"Which regions?": "eu, mars"}),
        # a label with a comma stays one label
        ([REGIONS], {"values": {"q0": ["eu", "mars, too"]}}, {"Which regions?": '"eu", "mars, too"'}),
        ([DB, REGIONS], {"values": {"q1": ["us"]}}, {"Which regions?": "us"}),
        ([DB, REGIONS], {"values": {}}, {}),
    ],
)
async def test_the_answers_are_what_people_said_and_no_more(asked: list[Json], answer: Json, answers: Json) -> None:
    assert await answered(asked, **answer) == {"questions": asked, "answers": answers}


async def test_notes_and_the_preview_that_was_chosen_come_along() -> None:
    given = await answered([LOOK], values={"q0": "List", "n0": "but shorter"})
    assert given["answers"] == {"Which layout?": "List"}
    assert given["annotations"] == {"Which layout?": {"preview": "<ul><li>a</li></ul>", "notes": "but shorter"}}


async def test_notes_alone_are_told() -> None:
    given = await answered([LOOK], values={"n0": "neither"})
    assert (given["answers"], given["annotations"]) == ({}, {"Which layout?": {"notes": "neither"}})


async def test_words_for_all_of_it_are_the_response() -> None:
    assert (await answered([DB, REGIONS], values={"response": "Ask me on Monday"}))["response"] == "Ask me on Monday"


async def test_nothing_that_was_said_beside_the_response_is_lost() -> None:
    given = await answered([DB, LOOK], values={"q0": "SQLite", "n1": "smaller", "response": "No hurry"})
    assert given["response"] == "No hurry\nWhich database?: SQLite\nNotes on Which layout?: smaller"


async def test_a_declined_question_is_no_answer() -> None:
    with pytest.raises(gate.Denied) as denied:
        await answered([DB], verdict="deny", reason="ask Bob")
    assert "declined by test:ann" in str(denied.value)
    assert "ask Bob" in str(denied.value)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ([], "questions"),
        ([DB] * 5, "questions"),
        ([DB, DB], "questions"),
        ([{**DB, "options": DB["options"][:1]}], "questions.0.options"),
        ([{**DB, "options": [DB["options"][0]] * 2}], "questions.0.options"),
        ([{**DB, "options": "A or B"}], "questions.0.options"),
        ([{**DB, "multiSelect": "yes"}], "questions.0.multiSelect"),
        ([{**DB, "question": ""}], "questions.0.question"),
        (["Which?"], "questions.0"),
    ],
)
def test_questions_that_nobody_can_answer_are_refused_by_name(broken: list[Any], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        questions.request({"questions": broken})
    assert refused.value.field == field


def test_a_long_question_is_shown_whole() -> None:
    asked: Json = {
        **DB,
        "question": "Why? " * 300,
        "options": [{"label": "A", "description": "a" * 3000}, DB["options"][1]],
    }
    request = questions.request({"questions": [asked]})
    assert request.kind == "form"
    assert asked["question"] in (request.body or "")
    assert "a" * 3000 in (request.body or "")


@pytest.mark.parametrize("values", [{"q0": 3}, {"q7": "SQLite"}, {"q1": "eu"}])
async def test_a_wrong_answer_never_reaches_claude_code(values: Json) -> None:
    input = {"questions": [DB, REGIONS]}
    decision = (await ticket_of(input)).model_copy(update={"values": values})
    with pytest.raises(errors.InvalidAnswer):
        questions.updated_input(input, decision)


async def ticket_of(input: Json) -> model.Decision:
    store = memory.MemoryStore()
    desk = sayso.Desk(store, await token_secret.mint(store))
    ticket = await desk.open(questions.request(input))
    await desk.answer(ticket.id, model.Answer(values={}), ANN)
    return await desk.wait(ticket.id)
