"""Results of analyses: one schema, one module that writes and reads it."""
