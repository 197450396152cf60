"""How far the messages of a chat were judged: one memory for every process, whoever writes first."""

from sayso.chat import marks
from sayso.stores import Record, memory


class Raced(memory.MemoryStore):
    """A store in which another process writes just before the next write."""

    def __init__(self, first: Record) -> None:
        super().__init__()
        self.first: Record | None = first

    async def put(self, record: Record) -> None:
        if self.first is not None:
            first, self.first = self.first, None
            await super().put(first)
        await super().put(record)


async def test_of_two_processes_that_raise_a_mark_the_later_message_stays() -> None:
    for other, mine, stays in (("2.0", "1.0", "2.0"), ("1.0", "2.0", "2.0")):
        store = Raced(Record("chat-mark", "#ops", {"message": other}))
        mark = marks.Marks(store, "chat")
        await mark.raise_to("#ops", mine)
        assert await mark.of("#ops") == stays


async def test_messages_that_two_processes_judge_at_once_are_all_remembered() -> None:
    store = Raced(Record("chat-judged", "#ops", {"before": "", "messages": ["1.0"]}))
    judged = marks.Judged(store, "chat")
    await judged.add("#ops", "2.0")
    assert [await judged.has("#ops", message) for message in ("1.0", "2.0", "3.0")] == [True, True, False]
