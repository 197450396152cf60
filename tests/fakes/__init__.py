"""Stand-ins that refuse what the real thing refuses. A package, so that tests beside a fake are found by name."""
