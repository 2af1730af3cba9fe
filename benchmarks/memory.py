"""Memory of a session with 10,000 recorded attempts, over a bare IPython with pandas (resident size, Linux).

python benchmarks/memory.py
"""

from __future__ import annotations

import json
import subprocess
import sys

BARE = """
import json, resource
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(); shell.run_cell("import pandas as pd; pd.Series([1, 2]).describe()")
{more}
with open("/proc/self/statm") as file:
    print(json.dumps(int(file.read().split()[1]) * resource.getpagesize() / 1e6))
"""
OURS = '''
import pathlib, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "routing.toml").write_text("""
[providers.sim]
kind = "chaos"
chaos = { tokens = 20 }
[models.sim]
provider = "sim"
id = "sim"
[[routes]]
name = "chat"
try = ["sim"]
""")
shell.run_line_magic("load_ext", "routebook")
import routebook
router = routebook.Router.load(folder / "routing.toml", books=folder / "books.db")
for batch in range(20):
    router.map_sync([f"prompt {batch} {number}" for number in range(500)], progress=False)
frame = router.frame()
assert len(frame) == 10_000
'''


def measure(more: str) -> float:
    """Megabytes of a fresh process at its end."""
    done = subprocess.run([sys.executable, "-c", BARE.format(more=more)], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    """Print both and the difference."""
    bare, ours = measure(""), measure(OURS)
    print(f"bare IPython with pandas {bare:.0f} MB   with 10,000 attempts and their frame {ours:.0f} MB   more {ours - bare:.0f} MB")


if __name__ == "__main__":
    main()
