"""
Tests of L{txgearman.stores}.
"""
