"""YAML and overrides -> Experiment. The one door to hydra and omegaconf, and the one validator; `load.py` is its front.

place       finds the config directory and the project root
guard       reads YAML text with limits, before anything expands it
sources     where Hydra's loader looks, behind the guard
compose     composes with Hydra's loader, once per choice of config groups
hydra_node  answers `${hydra:...}`, once
failures    Hydra's errors in our words
group_axes  config groups that the YAML sweeps
part        a composed config over the schema's defaults
lower       applies value overrides; a sweep becomes an axis
declared    axes and kwargs while they are still config: found by name
resolve     interpolations -> plain data, once or at each point
axes        axis values from what people write
variant     what is fixed, what varies, and that no name is both
shield      keeps `${params.X}` in scripts' and commands' texts from being resolved
reader      checked access, and which file a key comes from
steps       functions, scripts, commands -> frozen steps; processes: what the latter two have besides
quantities  `1h30m`, `10 MB`
build       the other sections -> frozen values
composed    experiment.yaml, written and read
again       an experiment.yaml that runs again: its project, overrides on top of it
moment      `${now:...}`, settled once for all
delegate    what Hydra itself does best: --info, --hydra-help, completion
launcher    other people's launcher plugins
sweeper     other people's sweeper plugins
"""
