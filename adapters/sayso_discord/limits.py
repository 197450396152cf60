"""What Discord takes, in numbers.

From Discord's component and message reference of August 2026; what it leaves open is named beside its number. The
client library checks hardly any of this, and the server answers some of it with a status 500.
"""

from __future__ import annotations

COMPONENTS = 40
# all text displays of a message together, in UTF-16 units (api-docs#8562)
TEXT_LENGTH = 4_000
# UTF-8 bytes of all text displays and 12 for each; above this the answer is a status 500 (api-docs#8554)
TEXT_BYTES, BYTES_EACH = 10_170, 12
CUSTOM_ID = 100
BUTTON_LABEL = 80
ROW_BUTTONS = 5
SELECT_OPTIONS = 25
BOX_OPTIONS = 10
OPTION_TEXT = 100
PLACEHOLDER = 150
MODAL_TITLE = 45
MODAL_PARTS = 5
INPUT_LABEL = 45
INPUT_HINT = 100
TYPED = 4_000
THREAD_NAME = 100
NONCE = 25
# of a message without the V2 flag
CONTENT = 2_000
