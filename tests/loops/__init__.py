"""Real services that are killed, frozen, restarted and cut off, while agents ask and people press in real chats' fakes.

The rule: nothing in here helps a service along. What agents and people were told is written down, and compared at the
end with what is stored and with what stands in the chats.
"""
