"""
Tests for L{txgearman.connection}.
"""
