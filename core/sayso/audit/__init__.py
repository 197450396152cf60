"""The log for those who look later: seals over its rows, checks of both, and copies that leave the service."""
