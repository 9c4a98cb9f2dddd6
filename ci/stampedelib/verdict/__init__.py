"""What a run amounts to, and how that is shown."""
