"""
The command-line tools.
"""
