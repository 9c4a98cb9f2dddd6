"""One run, from the start of the machine to the files that are kept."""
