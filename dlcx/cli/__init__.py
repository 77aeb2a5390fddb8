"""The command line: one module a command, each flags -> one workflow call -> what it returns is printed.

Nothing here imports torch or pandas, so that ``dlcx --help`` answers at once; a command's body imports its workflow.
"""
