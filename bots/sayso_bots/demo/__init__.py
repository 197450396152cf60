"""What `sayso demo` shows: what its agent asks, and the scripted person who answers over the same doors as anybody."""
