"""The hop rule for functions that index neighbours by themselves."""
