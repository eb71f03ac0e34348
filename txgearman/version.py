"""
The version of txgearman: year, month, and the release within it.
"""

__version__ = "26.11.0.dev0"
