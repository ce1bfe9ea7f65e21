"""The monitoring plan and the data-quality plan of a station, written from its station file and its journal."""
