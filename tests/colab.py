"""Emulates Google Colab: its Python and packages in place, a notebook opened from a clone, nothing of the course installed.

`python -m tests.colab FOLDER PYTHON [labs]`, from the repository root, on Linux; PYTHON is a 3.12. It makes the environment in
FOLDER, opens lab 1, and prints the minutes until the first number of one's own, what was replaced and what was added. With
`labs`, it also runs all three labs, at the fast size. What differs from Colab: the machine, and torch is pip's default build.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from utils import settings

# Packages that Colab had in place and that the course, or what it installs, uses too.
PREINSTALLED = """torch==2.8.0 numpy==2.0.2 scipy==1.16.3 pandas==2.2.2 matplotlib==3.10.0 scikit-learn==1.6.1 tqdm==4.67.1
ipywidgets==7.7.1 ipykernel==6.17.1 ipython==7.34.0 transformers==4.57.1 sentence-transformers==5.1.2 accelerate==1.11.0
peft==0.17.1 datasets==4.0.0 safetensors==0.6.2 huggingface-hub==0.36.0 tokenizers==0.22.1 networkx==3.5 nltk==3.9.1
beautifulsoup4==4.13.5 lxml==5.4.0 openpyxl==3.1.5 docutils==0.21.2 babel==2.17.0 regex==2024.11.6 pydantic==2.11.10
filelock==3.20.0 charset-normalizer==3.4.4 jinja2==3.1.6 openai==1.109.1 PyYAML==6.0.3 markdown-it-py==4.0.0 psutil==5.9.5
requests==2.32.4 pillow==11.3.0 protobuf==5.29.5 packaging==25.0 fsspec==2025.3.0 tornado==6.5.1 grpcio==1.76.0""".split()
OPENING = 3  # code cells until the guess of lab 1 is compared with what was measured


def environment(folder: Path, python: str) -> Path:
    """The interpreter of an environment with exactly Colab's packages; what an earlier run changed is undone."""
    inside, listed = folder / "env" / "bin" / "python", folder / "packages.json"
    pip = [inside, "-m", "pip", "--disable-pip-version-check"]
    if not listed.exists():
        subprocess.run([python, "-m", "venv", "--clear", folder / "env"], check=True)
        subprocess.run([*pip, "install", "-q", "--no-compile", *PREINSTALLED, "setuptools<80"], check=True)
        listed.write_text(json.dumps(packages(inside)), "utf-8")
    wanted, now = json.loads(listed.read_text("utf-8")), packages(inside)
    if added := now.keys() - wanted.keys():
        subprocess.run([*pip, "uninstall", "-q", "-y", *added], check=True)
    if changed := [f"{name}=={version}" for name, version in wanted.items() if now.get(name) != version]:
        subprocess.run([*pip, "install", "-q", "--no-compile", "--no-deps", *changed], check=True)
    return inside


def packages(python: Path) -> dict[str, str]:
    """Installed package → version."""
    command = [python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {row["name"].lower().replace("_", "-"): row["version"] for row in rows}


def seconds_by_cell(folder: Path, lab: str, most: int = 1000) -> list[float]:
    """Seconds of the first code cells of a lab, in a kernel of that environment; a cell that fails raises."""
    notebook = nbformat.read(folder / "content" / "course" / "labs" / f"{lab}.ipynb", 4)
    client, seconds = NotebookClient(notebook, timeout=3600, kernel_name="colab",
                                     resources={"metadata": {"path": folder / "content"}}), []
    with client.setup_kernel():
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and len(seconds) < most:
                begun = time.monotonic()
                client.execute_cell(cell, place)
                seconds.append(time.monotonic() - begun)
    return seconds


def main() -> None:
    """Print what opening a lab on Colab costs and changes."""
    folder, labs = Path(sys.argv[1]).resolve(), sorted(path.stem for path in (settings.ROOT / "labs").glob("*.ipynb"))
    folder.mkdir(parents=True, exist_ok=True)
    inside = environment(folder, sys.argv[2])
    kernel = folder / "jupyter" / "kernels" / "colab" / "kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_text(json.dumps({"argv": [str(inside), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                                  "display_name": "Colab", "language": "python"}), "utf-8")
    os.environ |= {"JUPYTER_PATH": str(folder / "jupyter"), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                   "COLAB_RELEASE_TAG": "emulated", "LAB_UNATTENDED": "1"}
    os.environ.pop("LAB_CACHE", None)
    before, begun = packages(inside), time.monotonic()
    shutil.rmtree(folder / "content", ignore_errors=True)
    (folder / "content").mkdir()
    subprocess.run(["git", "clone", "-q", settings.ROOT, folder / "content" / "course"], check=True)
    seconds = seconds_by_cell(folder, labs[0], OPENING)
    print(f"first number of one's own after {(time.monotonic() - begun) / 60:.1f} minutes; by cell, in seconds: "
          + ", ".join(f"{each:.0f}" for each in seconds), flush=True)
    after = packages(inside)
    replaced = [f"{name} {version} → {after[name]}" for name, version in before.items() if after.get(name) not in (None, version)]
    print(f"replaced: {'; '.join(replaced) or 'nothing'}\nadded: {len(after.keys() - before.keys())} packages", flush=True)
    os.environ["LAB_FAST"] = "1"
    for lab in labs if "labs" in sys.argv[3:] else ():
        print(f"{lab}: runs, {sum(seconds_by_cell(folder, lab)) / 60:.1f} minutes at the fast size", flush=True)


if __name__ == "__main__":
    main()
