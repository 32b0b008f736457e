"""No egress: after the shutter is closed, only the addresses that were named are reached.

    shutter.py      the one function to call: closes every layer there is, gives a receipt
    process.py      Python itself: an audit hook, exact addresses
    landlock.py     the kernel: no TCP connection but to the ports named; native code too
    seccomp.py      the kernel: no sockets that Landlock does not see (UDP, raw, MPTCP ...)
    inherited.py    sockets that were made before: taken away, unless they may stay
    resolver.py     a helper outside, which looks up the named hosts and no others

Knows addresses; must not know who wants them. Nothing here can be undone within a process.
"""
