"""What every chat adapter needs and no platform decides: the small parts from which two chats are built alike.

The rule: nothing here names a platform or a web server, and nothing else in the core imports it.
"""
