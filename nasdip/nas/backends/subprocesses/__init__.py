"""Trials in processes of their own, each kept for the whole search."""
