"""
The tests of L{txgearman.testing}.
"""
