"""Clocks that are handed in: the system's, and a replay's."""
