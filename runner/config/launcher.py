"""Other people's Hydra launchers (`hydra/launcher=joblib`, submitit, ...) in our executor's place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from runner.config.compose import Composer, first_line
from runner.errors import UsageError

CORE = "hydra._internal.core_plugins."


@dataclass(frozen=True, slots=True)
class PluginLauncher:
    """A Hydra launcher plugin (`hydra/launcher=joblib`, submitit, ...) as a way to call a function n times somewhere."""

    composer: Composer
    cfg: DictConfig
    """Composed with the `hydra` node."""
    lines: tuple[str, ...]

    def __call__(self, task: Callable[[int], Any], count: int) -> list[Any]:
        """[task(0), ..., task(count - 1)], wherever the launcher runs them. Raises UsageError when the launcher itself fails."""
        context = HydraContext(config_loader=ConfigLoaderImpl(self.composer.search_path), callbacks=Callbacks(self.cfg))
        try:
            launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=_Numbered(task), config=self.cfg)
            returned = launcher.launch(job_overrides=[list(self.lines) for _ in range(count)], initial_job_idx=0)
            return [job.return_value for job in returned]
        except Exception as error:
            raise UsageError(f"the launcher {self.cfg.hydra.launcher._target_} failed: {first_line(error)}") from error


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A Hydra task function that knows its number."""

    task: Callable[[int], Any]

    def __call__(self, cfg: DictConfig) -> Any:
        from hydra.core.hydra_config import HydraConfig

        del cfg
        return self.task(int(HydraConfig.get().job.num))


def launcher(composer: Composer, lines: tuple[str, ...]) -> PluginLauncher | None:
    """The launcher plugin that the config chooses, or None for Hydra's basic one, in whose place we execute."""
    cfg, lines = multirun_config(composer, lines)
    if is_core(cfg, "launcher"):
        return None
    return PluginLauncher(composer, cfg, tuple(line for line in lines if not line.startswith("hydra")))


def multirun_config(composer: Composer, lines: tuple[str, ...]) -> tuple[DictConfig, tuple[str, ...]]:
    """The config with the `hydra` node, as Hydra's multirun has it, and the overrides that it was made with.

    No files for each job and no logging set up anew, unless the command line says so.
    """
    quiet = ("hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.sweep.dir=.xrun/hydra")
    keys = {line.split("=")[0].lstrip("+") for line in lines}
    lines = (*lines, *(line for line in quiet if line.split("=")[0] not in keys))
    cfg = composer.loader.load_configuration(composer.config_name, list(lines), run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    return cfg, lines


def is_core(cfg: DictConfig, kind: str) -> bool:
    """Whether the sweeper or launcher is Hydra's own."""
    return str(OmegaConf.select(cfg, f"hydra.{kind}._target_")).startswith(CORE)
