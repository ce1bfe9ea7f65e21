"""Files of readings on their way into the journal."""
