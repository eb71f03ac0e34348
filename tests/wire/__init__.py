"""
Tests of L{txgearman.wire}.
"""
