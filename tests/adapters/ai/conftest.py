"""Which tests there are on which Python."""

import sys

# The AI SDK needs Python 3.12: before, there is nothing to test, and no test to skip.
collect_ignore_glob = [] if sys.version_info >= (3, 12) else ["test_*.py"]
