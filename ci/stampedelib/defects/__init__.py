"""Plants known bugs, one at a time, and reports which are found."""
