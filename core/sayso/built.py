"""What programs build by hand, a noun with a misspelt name in it, is refused in our words, not in the library's.

The rule: what is read from JSON does not come by here, and costs nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic

from sayso import late

if TYPE_CHECKING:
    Built = pydantic.BaseModel
else:

    class _Told(type(pydantic.BaseModel)):
        def __call__(cls, *given: object, **named: object) -> object:
            if given and cls.__init__ is pydantic.BaseModel.__init__:
                first = next(iter(cls.model_fields))
                raise TypeError(f"{cls.__name__} takes its values by name, such as {cls.__name__}({first}=…)")
            try:
                return super().__call__(*given, **named)
            except pydantic.ValidationError as error:
                # the library's words show the value, which may be a secret, and ours stand in a later wing
                raise late.module("sayso.content.requests").misbuilt(error, cls) from None

    class Built(pydantic.BaseModel, metaclass=_Told):
        """A model that refuses in our words."""
