"""YAML and overrides -> Experiment. The one door to hydra and omegaconf, and the one validator; `load.py` is its front.

place     finds the config directory and the project root
guard     reads YAML text with limits, before anything expands it
compose   composes with Hydra's loader, once per choice of config groups
lower     applies value overrides; a sweep becomes an axis
axes      axis values from what people write
build     checks everything and makes the frozen Experiment
delegate  what Hydra itself does best: --info, --hydra-help, completion
launcher  other people's launcher plugins
"""
