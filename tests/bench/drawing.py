"""What it costs to draw a card of text that nobody has seen before: milliseconds of CPU.

python -m tests.bench.drawing
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from sayso import model
from sayso.cards import draw
from sayso.testing import samples

MARKDOWN = "## Plan\n\n- **one** `code` and [link](https://example.com/a)\n- two\n\n> quote\n\n```py\nx = 1\n```\n\n"
TEXTS = {
    "ASCII": "make deploy now ",
    "Cyrillic": "Пожалуйста, разверните ",
    "Chinese": "请部署服务器到生产环境，谢谢。",
    "accents": "déploiement à éviter ",
    "Markdown": MARKDOWN,
    "secrets": "export PASSWORD=hunter2secret TOKEN=x; ",
}


def cut(text: str, size: int) -> str:
    """So many bytes of it, again and again."""
    return (text * (size // len(text.encode()) + 1)).encode()[:size].decode(errors="ignore")


def asked(text: str) -> Iterator[tuple[str, model.Request]]:
    """The text as a question, where it may be that long, and as a command."""
    if len(text) <= model.MAX_BODY:
        yield "question", model.Request(kind="question", title="Deploy?", body=text)
    yield "command", samples.permission(input={"command": text})


def measure(request: model.Request, rounds: int) -> float:
    """The median over as many different texts, since what was seen is looked up."""
    took = list[float]()
    for number in range(rounds):
        changed = f"{number} {request.body or (request.input or {})['command']}"
        more = {"body": changed} if request.body else {"input": {"command": changed}}
        ticket = samples.opened(request.model_copy(update=more))
        begun = time.process_time()
        draw.draw_card(ticket, samples.MINT)
        took.append(time.process_time() - begun)
    return statistics.median(took) * 1000


def main() -> None:
    """Print a line for each text."""
    print("| text | in a | 1 kB | 100 kB | 900 kB |\n|---|---|---|---|---|")
    for name, text in TEXTS.items():
        sizes = [dict(asked(cut(text, size))) for size in (1_000, 100_000, 900_000)]
        for where in sizes[0]:
            found = [
                f"{measure(some[where], rounds):.2f}" if where in some else "–"
                for some, rounds in zip(sizes, (40, 5, 3), strict=True)
            ]
            print(f"| {name} | {where} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main()
