"""One run: from the machine's start to what is kept of it."""
