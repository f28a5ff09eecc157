"""Other people's Hydra sweepers (`hydra/sweeper=optuna`, ax, nevergrad, ...): they decide which points are tried, one after the other.

The plugin gets the command line's sweeps with their keys completed (`N=interval(1,9)` becomes `++params.N=interval(1,9)`) and hands
back the overrides of each job, which are an ordinary command line of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from runner.config import declared
from runner.config.compose import Composer, first_line
from runner.config.launcher import is_core, multirun_config
from runner.config.reader import COMMAND_LINE
from runner.config.schema import TOP_LEVEL
from runner.errors import ConfigError, UsageError, XrunError

Objective = Callable[[tuple[str, ...]], float | None]


@dataclass(frozen=True, slots=True)
class PluginSweeper:
    """A sweeper plugin as a way to choose points."""

    composer: Composer
    cfg: DictConfig
    """Composed with the `hydra` node."""
    arguments: tuple[str, ...]
    """The overrides that are the plugin's to split, keys completed."""
    lines: tuple[str, ...]
    """The overrides that every job has."""

    def __call__(self, objective: Objective) -> None:
        """Call `objective` with the overrides of each job. Raises what it raises, and UsageError when the plugin itself fails."""
        raised: list[XrunError] = []

        def job(cfg: DictConfig) -> float | None:
            del cfg
            task = OmegaConf.to_container(HydraConfig.get().overrides.task)
            try:
                return objective(tuple(map(str, task if isinstance(task, list) else [])))
            except XrunError as error:
                raised.append(error)
                raise

        context = HydraContext(config_loader=ConfigLoaderImpl(self.composer.search_path), callbacks=Callbacks(self.cfg))
        try:
            plugin = Plugins.instance().instantiate_sweeper(config=self.cfg, hydra_context=context, task_function=job)
            plugin.sweep(arguments=[*self.lines, *self.arguments])
        except Exception as error:
            if raised:
                raise raised[0] from None
            raise UsageError(f"the sweeper {self.cfg.hydra.sweeper._target_} failed: {first_line(error)}") from error


def sweeper(composer: Composer, lines: tuple[str, ...], setting: list[Override], job: DictConfig) -> PluginSweeper | None:
    """The sweeper plugin that the config chooses, or None for Hydra's basic one, in whose place we plan. `job`: the composed config."""
    cfg, lines = multirun_config(composer, lines)
    if is_core(cfg, "sweeper"):
        return None
    if not is_core(cfg, "launcher"):
        problem = "a sweeper and a launcher of other plugins do not go together"
        raise ConfigError(problem, where=COMMAND_LINE, key="hydra/launcher", hint="each of the sweeper's jobs runs in parallel by itself")
    task = tuple(line for line in lines if not line.startswith("hydra"))
    return PluginSweeper(composer, cfg, tuple(completed(override, job) for override in setting), task)


def completed(override: Override, job: DictConfig) -> str:
    """A value override under its whole key, as plain Hydra takes it: an axis below `params`, a kwarg below `kwargs`."""
    key, line = override.key_or_group, override.input_line or ""
    _, equals, value = line.partition("=")
    head, _, rest = key.partition(".")
    swept = override.is_sweep_override()
    if head == "kwargs" and swept:
        key = f"params.{rest}"
    elif head not in TOP_LEVEL:
        axis = swept or override.is_add() or override.is_force_add() or key in declared.axis_names(job)
        section = "params" if axis else "kwargs" if declared.has_kwarg(job, key) else None
        key = f"{section}.{key}" if section else key
    return f"{'~' if override.is_delete() else '++'}{key}{equals}{value}"
