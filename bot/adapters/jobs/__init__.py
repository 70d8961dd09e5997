"""What backends on this machine share: builds as directories, a supervisor process beside each, workspaces on disk.

The sandbox and mock are built on it. A backend brings its settings, its job, and what its supervisor does.
"""
