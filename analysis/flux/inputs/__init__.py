"""From frames to the columns a flux is made from."""
