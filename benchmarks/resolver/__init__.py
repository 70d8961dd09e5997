"""Measures the resolver: `everything` runs each measurement, with `alone`, in a process of its own."""
