"""The serial log: what its lines mean."""
