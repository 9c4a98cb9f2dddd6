"""Runs the kernel without bugs for hours, to find false alarms."""
