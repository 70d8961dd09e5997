"""Identifiers of stored things. All are opaque text, so that no two kinds can be mixed up by accident."""

from typing import NewType

ChangeId = NewType("ChangeId", str)
"""`forge:owner/name#number`, for example `github:octocat/libfoo#7`; a merge queue's group has `@branch` behind."""

RunId = NewType("RunId", str)
"""A short random identifier; it stands in addresses and in check runs."""

BuildKey = NewType("BuildKey", str)
"""The unique text of a `CandidateKey` or `BaselineKey`; the idempotency key towards a backend."""

BuildRef = NewType("BuildRef", str)
"""What a backend calls a build: a Koji task id, a Copr build id, a job directory's name."""

WorkspaceRef = NewType("WorkspaceRef", str)
"""What a backend calls a workspace: a side tag, a Copr project, a directory."""

SnapshotId = NewType("SnapshotId", str)
"""Digest of the repositories' repomd.xml files: the same text means the same metadata."""
