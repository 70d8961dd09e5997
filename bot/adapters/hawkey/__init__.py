"""The resolver on hawkey (libdnf)."""
