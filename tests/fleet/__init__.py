"""
Tests of L{txgearman.fleet}.
"""
