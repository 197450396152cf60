"""Further forms of secrets for masks, from the detectors of Yelp's `detect-secrets`.

The rule: only its detectors by form are used. They reach no network, and what one would call a secret by its entropy or
by a name beside it is left to the core, which tells a digest from a key.
"""

from collections.abc import Iterable

from sayso_secrets import signs

__all__ = ["find"]


def find(raw: str) -> Iterable[tuple[int, int]]:
    """Where the library finds secrets in a text."""
    if not signs.stand_in(raw):
        return ()
    # slow to import, and hardly any text needs it
    from sayso_secrets import detectors

    return detectors.find(raw)
