"""What a report shows, as numbers in named tuples, computed from records; tests check these."""
