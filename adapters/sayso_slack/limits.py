"""What Slack takes, in numbers.

From the Block Kit reference, the `@slack/types` 3.2.0 declarations and the method pages of the Web API.
"""

from __future__ import annotations

# blocks: 50 in a message, 100 in a modal
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
# chat.update refuses a longer top-level text
SUMMARY = 4_000
ACTIONS = 25
CONTEXT_ELEMENTS = 10
TEXT_OBJECT = 3_000
BUTTON_TEXT = 75
SPOKEN_LABEL = 75
BUTTON_VALUE = 2_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
ACTION_ID = 255
BLOCK_ID = 255
OPTION_TEXT = 75
BOX_OPTIONS = 10
SELECT_OPTIONS = 100
INPUT_LABEL = 2_000
PLACEHOLDER = 150
TYPED = 3_000
HEADER = 150
TITLE = 24
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255
# bytes of a view as JSON
VIEW_BYTES = 250_000
