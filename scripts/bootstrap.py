"""Makes ``.venv`` with a pinned set of packages and Groundswell in it: ``python3 scripts/bootstrap.py demo|dev|e2e``.

Standard library only, and readable by Python 3.6, because an old ``python3`` has to be able to read the sentence
that says it is too old. A second run finds its stamp and does nothing. Where packages come from is the business of
the user's own pip or uv configuration; no address is written here.

Exit codes: 0 ready, 1 an installation failed, 2 something must be installed by hand first, 130 interrupted.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from typing import Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
LOG = os.path.join(ROOT, ".local", "bootstrap.log")

SETS = ("demo", "dev", "e2e")
"""Each set holds the ones before it."""

OLDEST = (3, 11)
CANDIDATES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
"""Interpreters to look for, in this order."""

LOG_LINES_SHOWN = 15
HEARTBEAT_SECONDS = 20.0
"""How often a long step says it is alive where the output is no terminal."""

FAILED = """
This step failed: %s

    %s

The whole log: %s
What to try: see whether this machine reaches its package registry (python3 -m pip config list shows which one) and
whether the disk has 1 GB free, then run the same command again; it goes on where it stopped.
Removing the folder .venv starts over.
"""

CONFIGURED = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sys.executable)"
HAS_ENSUREPIP = "import venv, ensurepip"


class Missing(Exception):
    """Something only the user can install. The message says what, and how."""


class Failed(Exception):
    """A step did not work."""

    def __init__(self, step: str, last_lines: "list[str]") -> None:
        super().__init__(step)
        self.step = step
        self.last_lines = last_lines


# --- What is ready already -------------------------------------------------------------------------------------------


def requirements(name: str) -> str:
    """The path of a compiled requirements file."""
    return os.path.join(ROOT, "requirements", name + ".txt")


def stamp(name: str) -> str:
    """The file whose content says that a set is installed."""
    return os.path.join(VENV, ".ready-" + name)


def fingerprint(name: str) -> str:
    """What an installation of a set depends on: the checkout's place, the project file and the pins."""
    digest = hashlib.sha256(ROOT.encode())
    for path in (os.path.join(ROOT, "pyproject.toml"), requirements(name)):
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def is_ready(name: str) -> bool:
    """Whether this set, or a larger one, is installed as the files now ask."""
    if not os.path.exists(VENV_PYTHON):  # also False where the interpreter behind the link is gone
        return False
    for each in SETS[SETS.index(name) :]:
        try:
            with open(stamp(each), encoding="utf-8") as file:
                if file.read().strip() == fingerprint(each):
                    return True
        except FileNotFoundError:
            continue
    return False


def write_stamp(name: str, text: str) -> None:
    """Note how far the installation of a set came."""
    with open(stamp(name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


# --- Which Python ----------------------------------------------------------------------------------------------------


class Interpreter:
    """A Python that can be asked to run, with its version such as (3, 11)."""

    def __init__(self, path: str, version: "tuple[int, int]", makes_pip: bool) -> None:
        self.path = path
        self.version = version
        self.makes_pip = makes_pip

    @property
    def name(self) -> str:
        """How people call it: ``Python 3.11``."""
        return "Python %d.%d" % self.version


def ask(command: "list[str]") -> "str | None":
    """What a short command prints, or None if it fails or does not exist."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def inspect(command: str) -> "Interpreter | None":
    """The interpreter behind a name on PATH, or None. A name can exist and not run (the shims of pyenv and asdf)."""
    found = shutil.which(command)
    answer = ask([found, "-c", CONFIGURED]) if found else None
    if not found or not answer:
        return None
    version, path = answer.split(" ", 1)
    major, minor = version.split(".")
    return Interpreter(path, (int(major), int(minor)), ask([found, "-c", HAS_ENSUREPIP]) is not None)


def choose(found: "list[Interpreter]", uv: "str | None") -> Interpreter:
    """The first interpreter that is new enough and can make an environment.

    Raises:
        Missing: none is new enough, or the only ones lack ``ensurepip`` and there is no uv to do its work.
    """
    new_enough = [each for each in found if each.version >= OLDEST]
    if not new_enough:
        seen = ", ".join(sorted({each.name for each in found})) or "no Python at all"
        raise Missing(
            "Groundswell needs Python %d.%d or newer; this machine has %s on its PATH.\n"
            "Install one and run the same command again. On Debian or Ubuntu: apt install python3 python3-venv\n"
            "If it is installed elsewhere, put its folder on PATH: PATH=/opt/python/bin:$PATH make demo"
            % (*OLDEST, seen)
        )
    for each in new_enough:
        if each.makes_pip or uv:
            return each
    first = new_enough[0]
    raise Missing(
        "%s (%s) cannot make virtual environments: its module ensurepip is missing.\n"
        "Debian and Ubuntu ship it apart. Install this one package and run the same command again:\n"
        "    apt install python%d.%d-venv" % (first.name, first.path, *first.version)
    )


# --- Steps, their progress and their log -----------------------------------------------------------------------------


class Progress:
    """Runs steps one after another, shows each with its time, and keeps everything they say in the log."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.terminal = sys.stdout.isatty()

    def run(self, title: str, command: "list[str]", environment: "dict[str, str] | None" = None) -> None:
        """Run one command as the next step.

        Raises:
            Failed: it ended with an error, or could not be started.
        """
        began = time.monotonic()
        label = "  %s ..." % title
        print(label, end="" if self.terminal else "\n", flush=True)
        over = threading.Event()
        pulse = threading.Thread(target=self._pulse, args=(label, began, over), daemon=True)
        pulse.start()
        try:
            code, lines = self._record(command, environment)
        finally:
            over.set()
            pulse.join()
        self._show(label + (" done" if code == 0 else " failed"), began, end="\n")
        if code != 0:
            raise Failed(title, lines[-LOG_LINES_SHOWN:])

    def _show(self, text: str, began: float, end: str) -> None:
        seconds = time.monotonic() - began
        print("%s%s (%.0f s)" % ("\r" if self.terminal else "", text, seconds), end=end, flush=True)

    def _pulse(self, label: str, began: float, over: threading.Event) -> None:
        while not over.wait(1.0 if self.terminal else HEARTBEAT_SECONDS):
            self._show(label, began, end="" if self.terminal else "\n")

    def _record(self, command: "list[str]", environment: "dict[str, str] | None") -> "tuple[int, list[str]]":
        lines = []  # type: list[str]
        with open(self.log, "a", encoding="utf-8") as log:
            log.write("\n$ %s\n" % " ".join(command))
            log.flush()
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    universal_newlines=True,
                    errors="replace",
                    cwd=ROOT,
                    env=dict(os.environ, **(environment or {})),
                )
            except OSError as problem:
                return 1, [str(problem)]
            with process:
                for line in process.stdout or ():
                    log.write(line)
                    log.flush()
                    lines.append(line.rstrip())
        return process.returncode, lines


# --- Making the environment ------------------------------------------------------------------------------------------


def venv_works() -> bool:
    """Whether ``.venv`` has a Python that is new enough and believes to live in this checkout."""
    answer = ask([VENV_PYTHON, "-c", "import sys; print(sys.version_info[:2] >= %r, sys.prefix)" % (OLDEST,)])
    if answer != "True " + VENV:
        return False
    scripts = os.path.join(VENV, "bin", "groundswell")
    if os.path.exists(scripts):  # a checkout that was moved keeps scripts that point to its old place
        with open(scripts, encoding="utf-8", errors="replace") as file:
            return VENV in file.read(4096)
    return True


def has_pip() -> bool:
    """Whether ``.venv`` has pip."""
    return ask([VENV_PYTHON, "-m", "pip", "--version"]) is not None


def make_venv(progress: Progress, uv: "str | None", again: bool) -> None:
    """Make ``.venv``, or leave it alone where it works. With uv it needs no pip."""
    works = not again and venv_works()
    if works and (uv or has_pip()):
        return
    found = [each for each in map(inspect, CANDIDATES) if each]
    python = choose(found, uv)
    command = [python.path, "-m", "venv", "--clear", VENV]
    if not python.makes_pip:
        command.insert(3, "--without-pip")
    progress.run("a virtual environment in .venv with %s (%s)" % (python.name, python.path), command)


def uv_environment() -> "dict[str, str]":
    """Settings for uv that repeat what pip is configured with, because uv reads no pip.conf.

    Only the one index address and the certificate are carried over; what the user told uv itself always wins.
    """
    settings = {"UV_HTTP_TIMEOUT": "180", "UV_NO_PROGRESS": "1"}
    configured = ask([VENV_PYTHON, "-m", "pip", "config", "list"]) or ""
    for line in configured.splitlines():
        key, _, value = line.partition("=")
        value = value.strip("'\"")
        if key.endswith(".index-url") and not {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & set(os.environ):
            settings["UV_DEFAULT_INDEX"] = value
        if key.endswith(".cert"):
            settings["SSL_CERT_FILE"] = value
    return {name: value for name, value in settings.items() if name not in os.environ}


def find_uv() -> "str | None":
    """The uv on PATH, or the one that an earlier run put into ``.venv``."""
    own = os.path.join(VENV, "bin", "uv")
    return shutil.which("uv") or (own if ask([own, "--version"]) else None)


def install(progress: Progress, name: str, uv: "str | None") -> None:
    """Install a set's pinned packages, then Groundswell itself, with uv or else with pip.

    Raises:
        Failed: neither of the two could.
    """
    pinned = ["--require-hashes", "-r", requirements(name)]
    project = ["--no-deps", "--no-build-isolation", "-e", ROOT]
    title = "packages from requirements/%s.txt with " % name
    if uv:
        environment = uv_environment()
        into = [uv, "pip", "install", "--python", VENV_PYTHON]
        try:
            progress.run(title + "uv", into + pinned, environment)
            progress.run("Groundswell itself", into + project, environment)
        except Failed as problem:
            if not has_pip():
                raise
            print("  uv could not: %s\n  Trying the same with pip." % " ".join(problem.last_lines[-1:]), flush=True)
        else:
            return
    into = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    progress.run(title + "pip (about two minutes)", into + pinned)
    progress.run("Groundswell itself", into + project)


def bring_uv(progress: Progress) -> "str | None":
    """Put the pinned uv into ``.venv`` with pip. None, and a sentence, where that does not work: pip does as well."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    try:
        progress.run("uv, a fast installer, into .venv", [*command, "--require-hashes", "-r", requirements("uv")])
    except Failed:
        print("  uv is not to be had here; going on with pip, which takes longer.", flush=True)
    return find_uv()


def set_up(name: str) -> None:
    """Bring ``.venv`` to a set: from nothing, from a smaller set, or from a half-made state.

    Raises:
        Missing: Python, or its part that makes environments, must be installed first.
        Failed: an installation did not work.
    """
    with open(LOG, "a", encoding="utf-8") as log:
        log.write("\n==== %s: %s\n" % (time.strftime("%Y-%m-%d %H:%M:%S %z"), name))
    print('Groundswell: setting up .venv for "%s". Log: %s' % (name, os.path.relpath(LOG)), flush=True)
    progress = Progress(LOG)
    # An environment that was complete once is kept whatever happens: it may only be the network that is away.
    half_made = os.path.isdir(VENV) and not any(os.path.exists(stamp(each)) for each in SETS)
    make_venv(progress, find_uv(), again=False)
    if os.path.exists(stamp(name)):
        write_stamp(name, "unfinished")
    try:
        install(progress, name, find_uv() or bring_uv(progress))
    except Failed:
        if not half_made:
            raise
        print("  The half-made environment that was here may be damaged. Making it anew.", flush=True)
        make_venv(progress, shutil.which("uv"), again=True)
        install(progress, name, find_uv() or bring_uv(progress))
    write_stamp(name, fingerprint(name))


@contextlib.contextmanager
def alone() -> "Iterator[None]":
    """Let one bootstrap of this checkout run at a time; a second one waits and then finds the work done."""
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    with open(os.path.join(os.path.dirname(LOG), "bootstrap.lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another setup of this checkout is running. Waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: "list[str] | None" = None) -> int:
    """Read the command line, do what is needed and say how it went; the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Prepare .venv for Groundswell.")
    parser.add_argument(
        "set", choices=SETS, help="demo: the product and its demonstration; dev: tests too; e2e: a browser too"
    )
    name = parser.parse_args(arguments).set
    if is_ready(name):
        return 0
    try:
        with alone():
            if not is_ready(name):
                set_up(name)
                print("Ready: .venv holds the %s set." % name, flush=True)
    except Missing as problem:
        print("\n%s" % problem, file=sys.stderr)
        return 2
    except Failed as problem:
        print(FAILED % (problem.step, "\n    ".join(problem.last_lines), os.path.relpath(LOG)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
