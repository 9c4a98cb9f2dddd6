"""The verdict on a run, and how it is shown."""
