"""The config group `executor`."""
