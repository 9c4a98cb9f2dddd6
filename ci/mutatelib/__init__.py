"""Mutants: systematic small changes of the sources, each held against every test there is."""
