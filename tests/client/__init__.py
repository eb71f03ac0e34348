"""
Tests for L{txgearman.client}.
"""
