"""Numbers of adapters that cannot import each other, and of platforms beside the service's own: they fit together."""

import sayso_claude.sdk
import sayso_discord.limits
import sayso_discord.render
import sayso_slack.limits
import sayso_slack.render
import sayso_web.view
import sayso_workflow.resuming
from sayso import model
from sayso.desk.posting import notes
from sayso_http import routes


def test_a_page_that_a_workflow_reads_is_one_that_the_service_gives() -> None:
    # the last page is known by its being shorter than what was asked for
    assert sayso_workflow.resuming.PAGE <= routes.LARGEST_PAGE


def test_a_wait_that_the_sdk_takes_is_one_that_a_request_takes() -> None:
    assert sayso_claude.sdk.LONGEST <= model.MAX_SECONDS


def test_what_a_window_lets_people_type_fits_its_input_and_an_answer() -> None:
    slack, discord, web = sayso_slack.render.ROOM, sayso_discord.render.ROOM, sayso_web.view.NO_LIMITS
    assert max(slack.answer, slack.typed) <= sayso_slack.limits.TYPED
    assert max(discord.answer, discord.typed) <= sayso_discord.limits.TYPED
    assert max(slack.answer, discord.answer, web.answer) <= model.MAX_TEXT
    assert slack.options <= sayso_slack.limits.SELECT_OPTIONS
    assert discord.options <= sayso_discord.limits.SELECT_OPTIONS


def test_a_note_of_progress_fits_one_message_of_every_chat() -> None:
    assert notes.LONGEST <= sayso_discord.limits.CONTENT
    assert notes.LONGEST <= sayso_slack.limits.TEXT_OBJECT
