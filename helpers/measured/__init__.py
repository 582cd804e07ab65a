"""Tables of measurements that take too long for a page; each was written by a script in benchmarks/.

accuracy.csv      benchmarks/accuracy_ladder.py
pretraining.csv   benchmarks/pretraining.py
"""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent


def read_measured(name: str) -> pd.DataFrame:
    """The measured table `name` ("accuracy" ...), one row a run; ValueError for a name that is not there."""
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        there = sorted(path.stem for path in FOLDER.glob("*.csv"))
        raise ValueError(f"no measured table {name!r}; there are: {', '.join(there)}")
    return pd.read_csv(path)
