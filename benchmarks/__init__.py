"""How fast the bot is on this machine: `make bench` measures, and writes results.json and docs/performance.md."""
