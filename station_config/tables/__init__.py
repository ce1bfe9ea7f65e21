"""One module per table of the station file."""
