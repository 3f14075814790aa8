"""The virtual environment and its packages. Standard library only, because it runs before anything is installed.

`course.prepare` builds models, corpus and index afterwards.
"""
from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from . import downloads, settings

VENV = settings.ROOT / ".venv"
REQUIREMENTS = settings.ROOT / "requirements.txt"
PYTHONS = ((3, 11), (3, 13))
NEEDED_GB = 5
# Never replaced on Colab: a running kernel breaks when these packages change.
COLAB_KEEPS = {"torch", "numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "tqdm", "ipywidgets", "beautifulsoup4",
               "lxml", "openpyxl", "docutils", "babel", "regex", "nltk", "pydantic", "openai", "filelock", "markdown-it-py",
               "charset-normalizer", "jinja2"}


def on_colab() -> bool:
    """True in Google Colab, where packages are installed into the running environment."""
    return "COLAB_RELEASE_TAG" in os.environ


def interpreter() -> Path:
    """The Python interpreter of the course: the one in `.venv`, or Colab's own."""
    if on_colab():
        return Path(sys.executable)
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_active() -> bool:
    """True when this process runs in the interpreter of the course."""
    return on_colab() or Path(sys.prefix).resolve() == VENV.resolve()


def install() -> None:
    """For the first cell of a notebook: installs the packages on Colab; elsewhere the kernel already runs in `.venv`."""
    if on_colab():
        create_environment()


def create_environment() -> None:
    """Create `.venv` and install the requirements, unless this was already done for the same requirements and Python.

    Raises RuntimeError for an unsupported Python, too little disk space or a failed installation.
    """
    check_python()
    stamp, digest = installed_stamp(), hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == digest and interpreter().exists():
        return
    check_disk()
    if not on_colab() and (not interpreter().exists() or run_pip("--version").returncode):  # an interrupted one has no pip
        print(f"Creating {VENV.name} …", flush=True)
        try:
            venv.create(VENV, with_pip=True, clear=VENV.exists())
        except (OSError, subprocess.CalledProcessError) as error:
            output = getattr(error, "output", b"") or b""
            problem = downloads.pip_problem(f"{output.decode(errors='replace')}\n{error}")
            raise RuntimeError(f"{VENV} could not be made: {problem}") from error
    lines = lines_to_install()
    install_cpu_torch(lines)
    pip_install(lines)
    stamp.write_text(digest, "utf-8")


def check_python() -> None:
    """Raises RuntimeError if this Python is not supported."""
    low, high = PYTHONS
    if not low <= sys.version_info[:2] <= high:
        raise RuntimeError(f"Python {sys.version.split()[0]} is not supported: run this with Python "
                           f"{low[0]}.{low[1]} to {high[0]}.{high[1]}")


def installed_stamp() -> Path:
    """The file that says which requirements are installed; without it, they are installed anew."""
    return settings.cache() / "colab-installed" if on_colab() else VENV / "installed"


def lines_to_install() -> list[str]:
    """Requirement lines to install; on Colab only the run group, without the installed packages that Colab must keep."""
    text = REQUIREMENTS.read_text("utf-8")
    if not on_colab():
        return requirement_lines(text)
    kept = kept_by_colab()
    return [line for line in requirement_lines(text.split("# --- dev")[0]) if package_name(line) not in kept]


def kept_by_colab() -> dict[str, str]:
    """Installed package → its version, of those that Colab must keep."""
    installed = {str(package.name).lower().replace("_", "-"): package.version for package in importlib.metadata.distributions()}
    return {name: installed[name] for name in sorted(COLAB_KEEPS & installed.keys())} if on_colab() else {}


def installed_requirements() -> list[tuple]:
    """Every requirement, of requirements.txt first and then of what it installs, with the installed version ("": missing)."""
    from packaging.requirements import Requirement

    found, expanded, needed = [], set(), [Requirement(line) for line in lines_to_install()]
    while needed:
        requirement = needed.pop(0)
        try:
            found.append((requirement, importlib.metadata.version(requirement.name)))
        except importlib.metadata.PackageNotFoundError:
            found.append((requirement, ""))
            continue
        extras = frozenset(requirement.extras) or frozenset([""])
        if (requirement.name, extras) not in expanded:
            expanded.add((requirement.name, extras))
            needed += [other for other in map(Requirement, importlib.metadata.requires(requirement.name) or ())
                       if not other.marker or any(other.marker.evaluate({"extra": extra}) for extra in extras)]
    return found


def package_problems() -> list[str]:
    """Which packages are missing or have another version than is required, each with both versions."""
    try:
        found = installed_requirements()
    except ModuleNotFoundError:  # with `packaging`, as good as everything is missing
        return ["packaging is missing, required is any version"]
    return list(dict.fromkeys(f"{need.name} is {version or 'missing'}, required is {need.specifier or 'any version'}"
                              for need, version in found
                              if not version or not need.specifier.contains(version, prereleases=True)))


def requirement_lines(text: str) -> list[str]:
    """The lines of a requirements file without blank lines and comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def package_name(line: str) -> str:
    """Name of the package in a requirement line, in lower case."""
    return re.match(r"[A-Za-z0-9_.-]+", line)[0].lower()


def check_disk(needed_gb: float = NEEDED_GB) -> None:
    """Raises RuntimeError when the disk of this checkout or of the cache has less than `needed_gb` GB free."""
    free, folder = min((shutil.disk_usage(folder).free / 1e9, folder) for folder in (settings.ROOT, settings.cache()))
    if free < needed_gb:
        raise RuntimeError(f"only {free:.1f} GB are free on the disk of {folder}, {needed_gb} GB are needed: "
                           "free some space, then run this again")


def install_cpu_torch(lines: list[str]) -> None:
    """Install PyTorch's CPU build from its own package index, because pip's default adds gigabytes of GPU libraries.

    Only on Linux without an NVIDIA GPU, if torch is not installed and pip is not configured with another source for it.
    Only torch may come from that index. If the index cannot be reached, prints what pip downloads instead.
    """
    torch = [line for line in lines if package_name(line) == "torch"]
    if not torch or not sys.platform.startswith("linux") or has_nvidia_gpu():
        return
    if run_pip("show", "--quiet", "torch").returncode == 0 or pip_has_torch_source():
        return
    print("Packages: PyTorch's CPU build …", flush=True)
    if (done := run_pip("install", "--quiet", "--no-deps", "--retries", "1", "--timeout", "10", "--index-url",
                        settings.TORCH_CPU_INDEX, *torch)).returncode:
        problem = downloads.pip_problem(done.stderr).partition(":")[0]
        print(f"PyTorch's CPU build could not be had from {settings.TORCH_CPU_INDEX} ({problem}): pip now tries its default "
              "build, with several GB of GPU libraries that this machine does not use.", flush=True)


def has_nvidia_gpu() -> bool:
    """True when an NVIDIA driver is installed."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def run_pip(*arguments: str) -> subprocess.CompletedProcess:
    """Run pip of the course's interpreter and return its exit code and output."""
    command = [str(interpreter()), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def pip_has_torch_source() -> bool:
    """True when a variable or pip.conf sets an index, a folder of wheels, or a constraint on torch."""
    for line in run_pip("config", "list").stdout.splitlines():
        option, _, value = line.partition("=")
        name = option.rpartition(".")[2]
        if name in ("index-url", "extra-index-url", "find-links", "no-index"):
            return True
        if name == "constraint" and any(_constrains_torch(path) for path in value.strip("'\"").split()):
            return True
    return False


def _constrains_torch(path: str) -> bool:
    try:
        lines = requirement_lines(Path(path).read_text("utf-8"))
    except OSError:  # a URL, or a missing file that pip itself will report
        return True
    return any(re.match(r"torch\b", line) for line in lines)


def pip_install(lines: list[str]) -> None:
    """Install the requirement lines, showing one line of progress; RuntimeError on failure. The cache keeps pip's log."""
    log = settings.cache() / "pip.log"
    command = [str(interpreter()), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
               "--no-compile", *lines]  # Python compiles what is imported, a fraction of what pip would
    with log.open("w", encoding="utf-8") as file:
        process, count = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True), 0
        try:
            for line in process.stdout:
                file.write(line)
                if line.startswith(("Collecting ", "Installing collected")):
                    count += 1
                    step = "installing …" if line.startswith("Installing") else line.split()[1]
                    show_progress(f"Packages: {count} found, {step}")
            process.wait()
        finally:
            process.kill()  # does nothing if it has ended
    show_progress("")
    if process.returncode:
        raise RuntimeError(f"pip could not install the packages: {downloads.pip_problem(log.read_text('utf-8'))}; "
                           f"the full log is {log.name} in the cache folder")
    print(f"Packages: {count} collected and installed.", flush=True)


def show_progress(text: str) -> None:
    """Rewrite the current line if the output is a terminal; otherwise print nothing."""
    if sys.stdout.isatty():
        print(f"\r{text[:78]:<78}", end="" if text else "\r", flush=True)
