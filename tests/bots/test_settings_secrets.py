"""What sayso.toml says of secrets: shown masked or plain, and to whom; each wrong key has its name."""

from __future__ import annotations

import pytest

import sayso
from sayso import errors
from sayso.cards import draw
from sayso.testing import samples
from sayso_bots.service import masking
from sayso_bots.settings import toml
from tests.bots.test_policy_page import desk_of, parse

SECRET = "ghp_" + "a1B2" * 9
PEOPLE = "[people.ann]\n[people.bob]\n"


@pytest.mark.parametrize(("said", "plain"), [("", False), ('show = "masked"', False), ('show = "plain"', True)])
async def test_secrets_are_masked_unless_the_settings_say_plain(said: str, plain: bool) -> None:
    maker = masking.equip(samples.MINT, parse(f"[secrets]\n{said}\n"))
    ticket = samples.sample(sayso.Permission(tool="Bash", input={"command": f"TOKEN={SECRET} make"}))
    assert (SECRET in repr(draw.card_of(ticket, maker))) == plain


async def test_a_policy_names_who_may_see_what_masks_cover() -> None:
    desk = desk_of('[policies.default]\napprovers = ["ann"]\nreveal = ["bob"]\n')
    ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": f"TOKEN={SECRET} make"}))
    assert ticket.policy.reveal == ("bob",)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ('[secrets]\nshow = "yes"', "secrets.show"),
        ("[secrets]\nmask = true", "secrets.mask"),
        (f'{PEOPLE}[policies.default]\napprovers = ["ann"]\nreveal = ["eve"]', "policies.default.reveal"),
        (f'{PEOPLE}[policies.default]\napprovers = ["ann"]\nreveal = ["group:none"]', "policies.default.reveal"),
    ],
)
def test_what_is_wrong_is_named(wrong: str, key: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        toml.setup(parse(wrong))
    assert refused.value.field == key


def test_the_detectors_of_the_extra_are_plugged_in() -> None:
    found = list(masking.load()("AccountKey=" + "a1B2" * 21 + "abc="))
    assert len(found) == 1
