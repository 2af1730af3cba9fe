"""Run a notebook in a real kernel and print what its cells show: for each prompt the decision, the answer and its figures, then the frame."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def shown(cell: nbformat.NotebookNode) -> str:
    """The text of a cell's outputs."""
    texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", []))
    return "\n".join(text.rstrip() for text in texts if text)


def main(path: Path) -> int:
    """Run the notebook; return 1 when a cell failed."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}})
    started = time.monotonic()
    failed = ""
    try:
        client.execute()
    except CellExecutionError as error:
        failed = str(error)
    for cell in notebook.cells:
        if cell.cell_type == "code" and (text := shown(cell)):
            print(f"\n── {cell.source.strip()}\n\n{text}")
    print(f"\n{path} ran in {time.monotonic() - started:.1f} s")
    if failed:
        print(failed, file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
