"""Local builds: a throw-away root per build, rpmbuild in bubblewrap."""
