"""Turns stored state into actions: intake, reconciler, executor, poller, resync."""
