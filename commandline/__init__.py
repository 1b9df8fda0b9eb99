"""The command line, one module for each thing people come for; ``cli.py`` puts them together."""
