"""Where readings are kept: the journal, InfluxDB, tidy files, and one reader over all three."""
