"""Questions, by chapter."""
