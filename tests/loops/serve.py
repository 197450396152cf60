"""`sayso serve`, with a lease and paces for chats that a test can wait for; everything else is as it is."""

import os
import sys

from sayso.desk.posting import late_cards, leases
from sayso_bots import main
from sayso_slack import channel

LEASE = "LOOPS_LEASE"

if __name__ == "__main__":
    leases.LEASE = float(os.environ[LEASE])
    leases.RENEW_EVERY = leases.LEASE / 6
    # what is on its way comes here at once
    late_cards.LOOKED_FOR_AFTER = 2 * leases.LEASE
    # what a chat allows in a minute is not what is tried here
    channel._POST_EVERY = channel._EDIT_EVERY = 0.05
    sys.argv = ["sayso", "serve"]
    main()
