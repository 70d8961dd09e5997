"""One adapter per technology; none imports another."""
