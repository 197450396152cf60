"""Contracts for those who write a store or a channel, and a clock for tests. Imported by tests only: needs pytest."""
