"""Forgejo's events, one module per kind. Their names and fields are those of its `modules/structs/hook.go`."""
