"""`python -m nasdip`."""

from nasdip.cli import main

main()
