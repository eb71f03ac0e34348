"""
The tests of txgearman: C{test_X} for each module X, and L{tests.functional}.
"""
