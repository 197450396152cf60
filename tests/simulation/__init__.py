"""The core in a world of its own: virtual time, chats, people and agents that are played, faults and crashes by a seed.

The desk, the courier and what else a service runs are the real ones. What is outside them is played here.
"""
