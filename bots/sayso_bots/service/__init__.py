"""The running service: one desk, one web application and the workers, plugged together and taken down in order.

It prints nothing, and knows no command.
"""
