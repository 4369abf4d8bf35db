"""Ready architectures: JSON files with provenance. Imports the room space alone.

To add one, put a JSON file here with name, architecture (text form), task, summary and source.
"""
