"""How a Koji hub is spoken to, by who builds in it and by who only reads: the client, and what its errors mean."""
