"""Forgejo as a forge; Gitea answers alike where this adapter asks."""
