"""The packaged configs: the last place that is searched."""
