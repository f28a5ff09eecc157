"""`${hydra:...}` in a config: Hydra answers it from a global that changes with every composition, so it is answered here, once."""

import re
from collections.abc import Callable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.resolve import mapped, raw, texts

_REFERENCE = re.compile(r"\$\{hydra:\s*([\w./@-]+)\s*\}")


def mentioned(cfg: DictConfig) -> bool:
    """Whether a config refers to the `hydra` node."""
    return _in(OmegaConf.to_container(cfg, resolve=False))


def _in(tree: Any) -> bool:
    return any("${hydra" in text for text in texts(tree))


def settle(cfg: DictConfig) -> None:
    """Replace every reference below the other keys by its value. One that has none stays, and is refused when it is resolved."""
    HydraConfig.instance().set_config(cfg)

    def value(path: str) -> Any:
        found = OmegaConf.select(cfg, f"hydra.{path}", throw_on_missing=True)
        return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found

    for key in [str(key) for key in cfg if key != "hydra"]:
        written = raw(cfg, key)
        if _in(written):
            cfg[key] = mapped(written, lambda text: _replaced(text, value))


def _replaced(text: str, value: Callable[[str], Any]) -> Any:
    try:
        if whole := _REFERENCE.fullmatch(text.strip()):
            return value(whole[1])
        return _REFERENCE.sub(lambda match: str(value(match[1])), text)
    except OmegaConfBaseException:
        return text
