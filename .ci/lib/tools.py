"""Installs pinned tools into target/ci-tools and node_modules, each only once."""

import os
import shutil
import subprocess
import sys

from lib import ROOT

TOOLS = ROOT / "target/ci-tools"
NPM_FLAGS = ["--no-audit", "--no-fund", "--loglevel", "error"]


def venv(name):
    """The folder of the virtual environment with the packages of .ci/requirements/<name>.txt. It is made again
    when that file, the folder or the Python version has changed."""
    requirements = ROOT / ".ci/requirements" / f"{name}.txt"
    folder = TOOLS / name
    wanted = f"{folder}\n{sys.version}\n{requirements.read_text()}"
    mark = folder / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        # pip's messages go to stderr: .ci/tool prints the folder on stdout.
        run([sys.executable, "-m", "venv", "--clear", folder])
        run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
        mark.write_text(wanted)
    return folder


def npm_ci(folder=ROOT):
    """Installs what package-lock.json of a folder pins, unless exactly that is installed."""
    lock, mark = folder / "package-lock.json", folder / "node_modules/.installed"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        run(["npm", "ci", *NPM_FLAGS], cwd=folder)
        shutil.copyfile(lock, mark)


def npm_program(package, version):
    """The path of the program that an npm package of the same name brings."""
    program = TOOLS / "node_modules/.bin" / package
    if not program.exists() or output_of([program, "--version"]) != version:
        run(["npm", "install", "--no-save", *NPM_FLAGS, "--prefix", TOOLS, f"{package}@{version}"])
    return program


def run(command, **options):
    """Runs a command with its output on stderr. Ends the script if it fails."""
    if subprocess.run(command, stdout=sys.stderr, **options).returncode != 0:
        raise SystemExit(f"FAILED: {' '.join(map(str, command))}")


def output_of(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def run_again_with_postgres(python=sys.executable):
    """Replaces the calling script by itself under .ci/with-postgres, unless it already runs there."""
    if "CI_POSTGRES" not in os.environ:
        command = [str(ROOT / ".ci/with-postgres"), str(python), "-B", *sys.argv]
        os.execv(command[0], command)
