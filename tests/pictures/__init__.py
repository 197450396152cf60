"""Pictures of what people see, from the payloads that really go out: `python -m tests.pictures`.

Chats are drawn by pages of our own that follow what is known of each client; the inbox and the terminal are real.
"""
