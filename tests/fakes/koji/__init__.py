"""A Koji hub on a loopback port, with its builders, spoken to by the real koji client. Start with `server.KojiHub`.

Written from the source of Koji 1.35.3 (which its client 1.36 speaks to); every method says where its behaviour was
read. What nobody asks a hub through this project (Maven, images, content generators, volumes) is not there, and asking
for it is the fault that a hub gives to an unknown method.
"""
