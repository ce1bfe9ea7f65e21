"""On to the databases."""
