"""What a person may do in a repository, in words that all forges can be mapped to."""

from enum import IntEnum


class Permission(IntEnum):
    """What a person may do in a repository; larger may more. GitHub's words, which the other forges map to."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5
