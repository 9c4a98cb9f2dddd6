"""Changes the sources systematically and asks who notices."""
