"""Mutation testing: changes the sources systematically and checks that a test notices."""
