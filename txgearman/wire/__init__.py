"""
Bytes to packets and lines to admin commands, and back.

Pure data in, pure data out: nothing here knows Twisted, a socket or a job.
"""
