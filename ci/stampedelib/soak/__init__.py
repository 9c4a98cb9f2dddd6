"""Runs of the sound kernel for hours."""
