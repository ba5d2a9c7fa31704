"""A simulated MikroTik on loopback: a real RADIUS client and CoA server, with its subscribers' devices behind it.

It speaks RADIUS through pyrad and its own dictionary, never through `netbilld.radius`, so that a misunderstanding
of the protocol is not shared by both ends.
"""
