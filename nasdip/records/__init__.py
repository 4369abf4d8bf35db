"""What lies on disk: fits, restorations, runs, trials; typed when read, readable by a person.

Plain files (JSON, CSV, TIFF, safetensors), replaced whole. What an earlier version did not write has a default when it
is read. To add a number: its field in the typed value, and its key where that is written and read.
"""
