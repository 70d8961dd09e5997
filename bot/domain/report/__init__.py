"""What people read about a run: values, and pure functions from them to text."""
