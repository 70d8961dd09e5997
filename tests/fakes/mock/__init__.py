"""A stand-in for mock, run as a program: its command line, files and exit statuses, without its roots.

Written after mock 6.7 (repository rpm-software-management/mock, commit 81787520), by reading mock/py/mock.py (options,
their combinations, who may run it), mockbuild/config.py (configuration, `--config-opts`), mockbuild/exception.py (exit
statuses), mockbuild/buildroot.py (locks, logs, where roots lie), mockbuild/backend.py and mockbuild/rebuild.py (what a
command does, in which order) and mockbuild/plugins/package_state.py. What it does not model is an error and a
violation, which `Stage.violations` shows. `tests.fakes.mock.stage` puts it on a machine.
"""
