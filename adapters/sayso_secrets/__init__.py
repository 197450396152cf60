"""Further forms of secrets for masks, from the detectors of Yelp's `detect-secrets`.

The rule: only its detectors by form are used. They reach no network, and what one would call a secret by its entropy or
by a name beside it is left to the core, which tells a digest from a key.
"""

from sayso_secrets.detectors import find

__all__ = ["find"]
