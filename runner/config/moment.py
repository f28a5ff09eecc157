"""`${now:...}` and `${python_version:...}`, answered once, when an experiment is composed: its experiment.yaml is the same plan later."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.resolve import mapped, raw, texts

_REFERENCE = re.compile(r"(?<!\\)\$\{(?:now|python_version):[^{}$]*\}")


def settle(cfg: DictConfig, known: dict[str, str]) -> None:
    """Replace every such reference by its value. `known`: the values so far, by what is written; what is written alike is one moment."""

    def value(match: re.Match[str]) -> str:
        before = match.string[: match.start()].rstrip()
        nested = before.count("${") > before.count("}")
        if nested and not before.endswith((":", ",")):
            return match[0]
        if match[0] not in known:
            known[match[0]] = str(OmegaConf.create({"value": match[0]}).value)
        return f"'{known[match[0]]}'" if nested else known[match[0]]  # an argument without quotation marks may be a number

    def settled(text: str) -> Any:
        try:
            return _REFERENCE.sub(value, text)
        except OmegaConfBaseException:
            return text  # it is refused when it is resolved

    for key in map(str, cfg):
        written = raw(cfg, key)
        if any(_REFERENCE.search(text) for text in texts(written)):
            cfg[key] = mapped(written, settled)
