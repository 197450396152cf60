"""Discord: cards as messages, answers by buttons, modals and replies in threads, over the gateway or signed HTTP."""
