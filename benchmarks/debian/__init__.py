"""A distribution-sized RPM repository out of the Debian archive: reading its indexes, and writing them as rpm-md."""
