"""The resolver on hawkey (libdnf) and librepo."""
