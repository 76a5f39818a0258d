"""The environment that this folder's scripts run in: made on first use, kept, and made again when it no longer fits.

    scripts/mirror [--proxy URL] [--wheels DIR] COMMAND ...
    scripts/test   [--proxy URL] [--wheels DIR] [any argument of pytest]
    scripts/check  [--proxy URL] [--wheels DIR]

``--proxy`` is the one way out: the HTTP proxy that pip goes through, and then nothing goes round it;
and the one that ``mirror`` itself goes through, which takes ``socks5h://`` as well. ``--wheels`` is a
folder of wheels to install from, and then nothing is downloaded. They are taken only where they
stand first. But for ``mirror``'s proxy, only the setting up heeds them.

The environment is an ordinary virtual environment in ``.venv`` at the top of the checkout. Where
that cannot be written, or somebody else's ``.venv`` is there already, it is a folder of the user's
cache, named after the checkout's path. pip puts the dependencies of ``pyproject.toml`` into it,
those of its extra ``ethereum`` too, a ``.pth`` file shows it the checkout, and a ``.dist-info``
folder the project's name and version. The project itself is not built or installed: so a read-only
checkout is enough, and a change that needs no new dependency needs no network.

What is finished stands in the file ``mirror-setup`` there, written when pip has succeeded:

    python 3.11 linux-x86_64         the Python it was made by
    run 5f70bf18...                  SHA-256 of the pyproject.toml whose dependencies are in
    test 5f70bf18...                 the same, of those with the extra that the tests need

Anything else means work to do: another Python or an interrupted run begins from an empty folder,
another pyproject.toml runs pip again. One process does so at a time, under a lock that the system
drops with the process. Nothing outside these folders is written.

Exit codes are the program's own. Before it runs: 2 wrong usage, 3 something is not here that is
needed, 70 a fault of this script, 130 interrupted. Messages go to standard error.

Every Python since 2.7 must be able to parse this file and the scripts beside it, so that it can say
what is missing: no f-strings, no annotations, ASCII only. Out of scope: installing Python itself.
"""

import errno
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import traceback

OLDEST = (3, 11)
CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

_ALWAYS = ("ethereum",)
"""Extras that whoever runs the program from here gets too: no command of it says what is still to be installed."""

_STATE = "mirror-setup"
_LOCK = "mirror-setup.lock"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class CannotStart(Exception):
    """What keeps the script from starting, what to do about it, and the exit code."""

    def __init__(self, message, hint="", code=3):
        Exception.__init__(self, message)
        self.hint = hint
        self.code = code


def main(work, extra=None, heeds_proxy=False):
    """Prepares the environment, `extra` included, and exits with what `work(python, arguments)` returns.

    `python` is the path of the environment's Python, `arguments` the script's own without those taken here; with the
    proxy in front where what is started `heeds_proxy`.
    """
    try:
        code = _main(work, extra, heeds_proxy)
    except CannotStart as problem:
        say("error: %s" % problem)
        if problem.hint:
            say(problem.hint)
        code = problem.code
    except KeyboardInterrupt:
        code = 130
    except EnvironmentError as error:
        say("error: %s" % error)
        code = 3
    except Exception:
        traceback.print_exc()
        code = 70
    sys.exit(code)


def _main(work, extra, heeds_proxy):
    refuse_old_python(sys.version_info)
    options, arguments = take_options(sys.argv[1:])
    folder = prepare(CHECKOUT, extra, options)
    if options["proxy"] and heeds_proxy:
        arguments = ["--proxy", options["proxy"]] + arguments
    elif options["proxy"]:
        say("note: --proxy served the setting up only; what follows does not heed it")
    return work(python_of(folder), arguments)


def say(message):
    sys.stderr.write("mirror: %s\n" % message)
    sys.stderr.flush()


def refuse_old_python(version):
    """Raises `CannotStart` unless `version`, such as ``sys.version_info``, is new enough."""
    if tuple(version[:2]) < OLDEST:
        raise CannotStart(
            "mirror needs Python %d.%d or newer; this is %d.%d" % (OLDEST + tuple(version[:2])),
            "install it (Debian 12, Ubuntu 24.04 or newer: apt install python3 python3-venv; "
            "macOS: brew install python; Windows: winget install Python.Python.3.13; or from python.org), "
            "then start this with it: python3.13 %s ..." % sys.argv[0],
        )


def take_options(arguments):
    """The options for setting up that stand first in `arguments`, as a dict, and the arguments behind them."""
    options, rest = {"proxy": None, "wheels": None}, list(arguments)
    while rest:
        name, equals, value = rest[0].partition("=")
        if name not in ("--proxy", "--wheels"):
            break
        taken = 1 if equals else 2
        value = value if equals else "".join(rest[1:2])
        if not value:
            raise CannotStart("%s needs a value" % name, code=2)
        options[name[2:]] = value
        rest = rest[taken:]
    if options["wheels"] and not os.path.isdir(options["wheels"]):
        raise CannotStart("--wheels is not a folder: %s" % options["wheels"], code=2)
    return options, rest


def _check_proxy(options):
    """Raises `CannotStart` for a proxy that pip cannot use, where it would have to."""
    if options["proxy"] and not options["wheels"] and not options["proxy"].startswith(("http://", "https://")):
        raise CannotStart(
            "--proxy is not the URL of an HTTP proxy, and pip can use no other: %s" % options["proxy"].split("@")[-1],
            "once everything is set up it will do; for now Tor has an HTTP proxy too: put `HTTPTunnelPort 9080` into "
            "torrc and give --proxy http://127.0.0.1:9080",
            code=2,
        )


def prepare(root, extra, options):
    """The folder of an environment in which what the checkout `root` needs, with `extra`, is installed."""
    wanted = _wanted(root, extra)
    for folder in _places(root):
        if _is_ready(folder, wanted):
            return folder
    _check_proxy(options)
    folder, lock = _claim(root)
    with lock:
        _wait_for(lock)
        if not _is_ready(folder, wanted):
            _set_up(folder, root, extra, options, wanted)
    return folder


def python_of(folder):
    """The path of the Python of the environment in `folder`."""
    if os.name == "nt":
        return os.path.join(folder, "Scripts", "python.exe")
    return os.path.join(folder, "bin", "python")


def become(command):
    """Runs `command` in this process's place; on Windows, in a child whose exit code this returns."""
    if os.name != "nt":
        sys.stderr.flush()
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the child was interrupted too, and decides


# Where the environment is, and what state it is in


def _places(root):
    """The folders that may hold the environment, best first."""
    name = "environment-" + hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return [os.path.join(root, ".venv"), os.path.join(_cache_folder(), "mirror", name)]


def _cache_folder():
    home = os.path.expanduser("~")
    if os.name == "nt":
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")


def _wanted(root, extra):
    """The lines that must stand in the state file of an environment that fits."""
    with open(os.path.join(root, "pyproject.toml"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    python = "python %d.%d %s" % (sys.version_info[0], sys.version_info[1], sysconfig.get_platform())
    return [python, "run " + digest] + ([extra + " " + digest] if extra else [])


def _is_ready(folder, wanted):
    return set(wanted) <= set(_read_state(folder)) and os.path.exists(python_of(folder))


def _read_state(folder):
    try:
        with open(os.path.join(folder, _STATE)) as file:
            return file.read().split("\n")
    except (OSError, ValueError):
        return []


def _write_state(folder, lines):
    with open(os.path.join(folder, _STATE), "w") as file:
        file.write("\n".join(lines))


def _claim(root):
    """The first place that is this script's or free, and can be written; and its lock file, opened."""
    why = []
    for folder in _places(root):
        try:
            os.makedirs(folder, exist_ok=True)
            if os.path.exists(os.path.join(folder, _LOCK)) or not os.listdir(folder):
                return folder, open(os.path.join(folder, _LOCK), "a")
            why.append("%s was not made by this script" % folder)
        except OSError as error:
            why.append("%s: %s" % (folder, error.strerror))
    raise CannotStart("no place for the environment: %s" % "; ".join(why), "name a cache folder in XDG_CACHE_HOME")


def _wait_for(lock):
    if not _try_lock(lock):
        say("another run is setting up; waiting for it")
        while not _try_lock(lock):
            time.sleep(0.2)


def _try_lock(lock):
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # others: a file system without locks
    return True


# Making it


def _set_up(folder, root, extra, options, wanted):
    """Brings the environment to the state `wanted`. A crash leaves no state, and the next run starts afresh."""
    project = _read_project(root)
    needs = _needs(project, extra)
    _announce(folder, needs, options)
    before = _read_state(folder)
    kept = wanted[0] in before and os.path.exists(python_of(folder))
    _write_state(folder, [])
    if not kept:
        maker = _maker(folder)
        _make_empty(folder)
        _run(maker, os.environ, "could not make a virtual environment in %s" % folder, "")
    _show_checkout(folder, root, project)
    try:
        _install(folder, needs, options)
    except CannotStart:
        _write_state(folder, before if kept else [])  # pip undoes what it could not finish
        raise
    _write_state(folder, wanted)


def _needs(project, extra):
    """The dependencies, those of the extras in `_ALWAYS` that there are, and those of `extra`, each once."""
    extras = project.get("optional-dependencies", {})
    needs = list(project["dependencies"])
    for name in [each for each in _ALWAYS if each in extras] + ([extra] if extra else []):
        needs += [each for each in extras[name] if each not in needs]
    return needs


def _read_project(root):
    import tomllib

    with open(os.path.join(root, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]


def _announce(folder, needs, options):
    say("setting up %s: this takes a minute, now and when pyproject.toml changes" % folder)
    if options["wheels"]:
        say("installing from %s, without any network: %s" % (options["wheels"], ", ".join(needs)))
        return
    say("downloading with pip what is not here yet of: %s; and what these need" % ", ".join(needs))
    if not options["proxy"]:
        say("the package index sees this machine's address; --proxy URL or --wheels DIR, put first, go another way")


def _make_empty(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif name not in (_LOCK, _STATE):
            os.remove(path)


def _maker(folder):
    """The command that makes a virtual environment in `folder`."""
    try:
        from ensurepip import version  # noqa: F401  (its absence is how Debian says that python3-venv is missing)
    except ImportError:
        virtualenv = shutil.which("virtualenv")
        if virtualenv:
            return [virtualenv, "--quiet", "--python", sys.executable, folder]
        raise CannotStart(  # noqa: B904  (Python 2 cannot parse `from None`)
            "this Python cannot make virtual environments: %s has no ensurepip" % sys.executable,
            "Debian and Ubuntu: apt install python3-venv; elsewhere: install the program virtualenv",
        )
    return [sys.executable, "-I", "-m", "venv", folder]


def _show_checkout(folder, root, project):
    """Puts the checkout on the environment's path, and its version where `importlib.metadata` looks.

    The path is relative where the environment lies in the checkout, so that both can be moved together.
    """
    packages = sysconfig.get_path("purelib", "venv", {"base": folder, "platbase": folder})
    inside = os.path.dirname(folder) == root
    with open(os.path.join(packages, "mirror-checkout.pth"), "w") as file:  # in the locale's encoding: so site reads it
        file.write((os.path.relpath(root, packages) if inside else root) + "\n")
    name = project["name"].replace("-", "_")
    for old in glob.glob(os.path.join(glob.escape(packages), name + "-*.dist-info")):
        shutil.rmtree(old)
    info = os.path.join(packages, "%s-%s.dist-info" % (name, project["version"]))
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (project["name"], project["version"]))


def _install(folder, needs, options):
    if not needs:
        return
    command = [python_of(folder), "-I", "-m", "pip", "install", "--quiet", "--prefer-binary"]
    if options["wheels"]:
        command += ["--no-index", "--find-links", os.path.abspath(options["wheels"])]
    _run(
        command + needs,
        _surroundings(options["proxy"]),
        "pip could not install what is needed; it says why above",
        "without a network, or to keep it out of this: --wheels DIR, a folder filled elsewhere with `pip download`",
    )


def _surroundings(proxy):
    """The environment variables for pip. The proxy is among them, for pip's own children and out of sight of `ps`."""
    variables = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_USER="0")
    if proxy:
        variables = {name: value for name, value in variables.items() if name.lower() not in _PROXIES}
        variables.update(PIP_PROXY=proxy, HTTP_PROXY=proxy, HTTPS_PROXY=proxy, http_proxy=proxy, https_proxy=proxy)
    return variables


def _run(command, variables, problem, hint):
    """Runs `command` quietly; what it printed is shown only where it fails, before `CannotStart` is raised."""
    child = subprocess.Popen(
        command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = child.communicate()
    if child.returncode:
        sys.stderr.write(said.decode("utf-8", "replace"))
        raise CannotStart(problem, hint)
