"""Rules that hold between tables."""
