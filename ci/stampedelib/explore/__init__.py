"""The explorer: what it says, and programs made for it."""
