"""Finds what can be pressed, chosen or typed in a message or modal.

Rule: reads payloads only; the one place that knows where components hide inside each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes.discord.components import BUTTON, CHECKBOX, IN_LABEL, LABEL, LINK, SELECTS
from tests.fakes.discord.errors import Json


@dataclass(frozen=True)
class Control:
    """One thing to use, and the words over it in a modal."""

    element: Json
    title: str = ""

    @property
    def label(self) -> str:
        """The words a person knows it by: its title, button label or emoji, or placeholder."""
        emoji: Json = self.element.get("emoji") or {}
        own = self.element.get("label") or emoji.get("name") or self.element.get("placeholder")
        return self.title or str(own or "")

    @property
    def options(self) -> list[str]:
        """The visible texts of the options on offer."""
        return [option["label"] for option in self.element.get("options") or []]

    @property
    def usable(self) -> bool:
        """Whether it is not greyed out."""
        return not self.element.get("disabled")


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component, nested ones too, in reading order."""
    for part in components:
        yield part
        if inner := part.get("components"):
            yield from walk(inner)
        for name in ("accessory", "component"):
            if one := part.get(name):
                yield from walk([one])


def controls(components: list[Json]) -> Iterator[Control]:
    """Everything that can be used, in reading order; link buttons, too."""
    titled = {id(part["component"]): part["label"] for part in walk(components) if part["type"] == LABEL}
    for part in walk(components):
        if part["type"] in (BUTTON, *SELECTS, *IN_LABEL):
            yield Control(part, titled.get(id(part), ""))


def sends(element: Json) -> bool:
    """Whether using it in a message makes an interaction."""
    return element["type"] in SELECTS or (element["type"] == BUTTON and element["style"] != LINK)


def words(components: list[Json]) -> list[str]:
    """What can be used there, by its words; the options of radio groups and checkboxes one by one."""
    found: list[str] = []
    for control in controls(components):
        found.append(control.label)
        found += control.options if control.element["type"] not in (*SELECTS, CHECKBOX) else []
    return found
