"""Hooks: a program waits here, under a label or a token; somebody answers there, from any process.

A hook is a request like any other; nothing is kept here that the desk does not know.
"""
