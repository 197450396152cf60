"""The sealing of the log in the service: who keeps its seals, by the settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sayso.audit import seals
from sayso.desk import Desk
from sayso.desk.upkeep import seal_keepers, sealing
from sayso_bots.service import signing, workers
from sayso_bots.settings import environment, schema
from sayso_http import seal_webhook


def start(
    crew: workers.Workers, desk: Desk, given: environment.Environment, chosen: schema.Settings, secrets: Sequence[bytes]
) -> None:
    """Seal again and again, if something here can sign; *secrets* sign what is posted."""
    if signing.is_installed():
        crew.start("seals", sealer(desk, chosen, signing.keyring(given, desk.mint), secrets).run)


def sealer(desk: Desk, chosen: schema.Settings, signer: seals.Signer, secrets: Sequence[bytes]) -> sealing.Sealer:
    """The sealer of this process; *secrets* sign what is posted."""
    audit, places = chosen.audit, list[sealing.Place]()
    if audit.file is not None:
        places.append(sealing.Place(seal_keepers.FileKeeper(Path(audit.file))))
    if audit.webhook is not None:
        hosts = chosen.service.callback_hosts
        keeper = seal_webhook.WebhookKeeper(audit.webhook, secrets, allow=hosts, clock=desk.clock)
        places.append(sealing.Place(keeper))
    for place in audit.tell:
        places.append(sealing.Place(seal_keepers.ChatKeeper(desk.platforms, place), audit.tell_every))
    return sealing.Sealer(desk.store, desk.clock, signer, places, audit.seal_every)
