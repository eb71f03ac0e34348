"""
Benchmarks of the job server, the client and the worker, side by side with others.

C{python -m benchmarks --help} says how they are run, C{benchmarks/README.md} what
they show.
"""
