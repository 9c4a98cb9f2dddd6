"""The explorer: how to run it, how to read its output, how to make programs for it."""
