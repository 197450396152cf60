"""The attached images of a request as files of Slack, uploaded once for all its cards.

The rule: what cannot be uploaded keeps no card back; that card says that its images are not shown, and allows nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sayso import errors
from sayso.cards import card
from sayso.chat.received import Json
from sayso.clock import Clock
from sayso.desk.admission import pictures
from sayso.stores import Record, Store
from sayso_slack.api import Api
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

IMAGES_KIND = f"{NAME}-images"
# an image block takes no others
_TAKEN = frozenset({"image/png", "image/jpeg", "image/gif"})
# Slack looks at a file for a moment before a message may hold it (python-slack-sdk#1521), and says no word when it has.
_LOOKS_FOR, _MOST = 1.0, 15.0
# No request is open for longer than thirty days.
_KEPT = timedelta(days=31)


class Uploads:
    """The files of the requests that have images; none if the operator did not switch them on."""

    def __init__(self, api: Api, store: Store, clock: Clock, on: bool) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._on = on

    async def known(self, drawn: card.Card) -> Mapping[int, str]:
        """The ids of those files that Slack has, by the number of the attachment."""
        record = await self._store.get(IMAGES_KIND, drawn.ticket_id) if _images(drawn) else None
        return {int(index): str(file) for index, file in record.value["files"].items()} if record else {}

    async def ensure(self, drawn: card.Card) -> Mapping[int, str]:
        """The same, after what is missing was uploaded. Raises `NotYet` while Slack looks at the files."""
        if not self._on or not _images(drawn) or await self._store.get(IMAGES_KIND, drawn.ticket_id):
            return await self.known(drawn)
        try:
            files = {str(one.index): await self._upload(one) for one in _images(drawn) if one.media_type in _TAKEN}
        except errors.NotYet:
            raise
        except (errors.ChannelError, errors.NotFound) as error:
            log.warning("images not uploaded", extra={"ticket": drawn.ticket_id, "error": error.message})
            files = dict[str, str]()
        value: Json = {"files": files, "at": self._clock.now().isoformat()}
        # another process was first: its files are as good
        with contextlib.suppress(errors.Conflict):
            await self._store.put(Record(IMAGES_KIND, drawn.ticket_id, value, self._clock.now() + _KEPT))
        if files:
            raise errors.NotYet("Slack looks at the images", _LOOKS_FOR)
        return {}

    async def give_time(self, drawn: card.Card) -> None:
        """After a card with its files was refused: come again, at last without them. Raises `NotYet`, or returns."""
        record = await self._store.get(IMAGES_KIND, drawn.ticket_id)
        if record is None or not record.value["files"]:
            return
        if (self._clock.now() - datetime.fromisoformat(record.value["at"])).total_seconds() > _MOST:
            log.warning("images not taken", extra={"ticket": drawn.ticket_id})
            value: Json = {**record.value, "files": {}}
            with contextlib.suppress(errors.Conflict):
                await self._store.put(Record(record.kind, record.name, value, record.expires_at, record.version))
        raise errors.NotYet("Slack looks at the images", _LOOKS_FOR)

    async def _upload(self, image: card.Image) -> str:
        content = await pictures.bytes_of(self._store, image.ticket_id, image)
        asked = {"filename": image.file_name, "length": len(content), "alt_txt": "Attached image"}
        place = await self._api.get("files.getUploadURLExternal", **asked)
        await self._api.upload(str(place["upload_url"]), content)
        files = [{"id": str(place["file_id"]), "title": image.file_name}]
        await self._api.post("files.completeUploadExternal", files=files)
        return str(place["file_id"])


def _images(drawn: card.Card) -> Sequence[card.Image]:
    # a closed card shows none
    return () if drawn.brief else [part for part in drawn.parts if isinstance(part, card.Image)]
