"""What the engine needs of the world, as Protocols, and the error tree."""
