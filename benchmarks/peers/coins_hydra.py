"""The coin runs as Hydra's multirun. Usage: coins_hydra.py -m "N=range(10,14)" hydra.sweep.dir=FOLDER [hydra/launcher=joblib]"""

from typing import Any

import hydra
import numpy as np


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: Any) -> float:
    """One run."""
    heads = np.random.default_rng(cfg.N).binomial(cfg.N, cfg.P, size=cfg.K) / cfg.N
    return float(np.abs(heads - cfg.P).mean())


if __name__ == "__main__":
    main()
