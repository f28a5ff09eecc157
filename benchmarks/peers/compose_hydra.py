"""Prints the seconds that Hydra takes to compose the configuration of one run. Usage: compose_hydra.py COUNT"""

import sys
import time

from hydra import compose, initialize

if __name__ == "__main__":
    count = int(sys.argv[1])
    with initialize(version_base=None, config_path="conf"):
        compose("config", overrides=["N=0"], return_hydra_config=True)
        begun = time.perf_counter()
        for n in range(count):
            compose("config", overrides=[f"N={n}"], return_hydra_config=True)
        print((time.perf_counter() - begun) / count)
