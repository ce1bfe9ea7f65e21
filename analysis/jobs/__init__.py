"""Jobs: each takes a frame and options and gives rows of results and tables of curves."""
