"""Breaks the tree on purpose, one copy at a time, and sees what the stress test makes of it."""
