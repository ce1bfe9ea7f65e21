"""From the file's text to tables, with the place of every fault."""
