"""The prose of the house: what people read in reports, in the terminal and in status."""
