"""Proofs: the search through all states of small arenas, and SPIN models of the locks."""
