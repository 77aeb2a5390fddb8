"""The command line: parses the flags of a command, calls its workflow function, and prints the result.

Nothing here imports torch or pandas, so that ``dlcx --help`` is fast; each command imports its workflow when it runs.
"""
