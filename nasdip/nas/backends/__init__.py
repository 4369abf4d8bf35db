"""Who evaluates the trials of a search, behind one seam (`backend.TrialBackend`).

To add one: a file or folder with a class that takes trials and returns their results.
"""
