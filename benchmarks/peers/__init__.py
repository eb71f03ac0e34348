"""
The clients and workers that the group C{libraries} compares: for each library a
program that is called as::

    PROGRAM worker PORT WAY          works until it is killed
    PROGRAM client PORT WAY JOBS     submits so many jobs, and prints what that cost

The function is C{load}; a workload is 32 bytes long, a result two. What a client
prints is a line of JSON: C{seconds}, and its own C{cpu}, in seconds too.
"""
