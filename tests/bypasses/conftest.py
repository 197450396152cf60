"""These cases ask what Claude Code does, not what Python does: once is enough, with the newest Python."""

import sys

collect_ignore_glob = [] if sys.version_info >= (3, 12) else ["test_*.py"]
