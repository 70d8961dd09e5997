"""A Copr server on a loopback port, with its builders and its results, spoken to by the real copr client.

Start with `server.CoprServer`. Written from the source of Copr at commit 5d37cd8 (frontend, backend, rpmbuild; its
client is 2.7); every rule says where it was read. What nobody asks a Copr through this project (modules, webhooks,
PyPI and RubyGems sources, forks, permissions) is not there, and asking for it is the 404 of an unknown address.
"""
