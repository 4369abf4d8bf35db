"""Estimates of the clean image without a network: non-local Bayes, and what to expect of a restored image.

An estimate is a function of a measurement. To add one: a file with that function, and its call in `reference`.
"""
