"""Sweeps: the same run with many seeds."""
