"""The same run with many seeds."""
