"""Plants known bugs, one at a time, and tells which are found."""
