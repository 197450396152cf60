"""What a channel of your own must be. The address of `sayso.desk.channel` for others."""

from sayso.desk.channel import Channel, Membership, Platform, Teller
from sayso.model import PostedCard

__all__ = ["Channel", "Membership", "MessageRef", "Platform", "PostedCard", "Teller"]

# Its name until 0.2.
MessageRef = PostedCard
