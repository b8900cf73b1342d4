"""Tokens per CPU second beside other servers: django-oauth-toolkit, Authlib's for Django and Node's oidc-provider, each
installed from its registry into a scratch folder. Ours keeps its books (use by hour, limits, revocation), signs and
checks as in a real installation. Judges nothing.

    .venv/bin/python -m tests.bench.peers_bench [rounds] [requests per round] [connections ...]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench.buying import Signing, by_assertion, by_secret, prepared
from tests.bench.servers import (
    ROOT,
    Contestant,
    Failed,
    Server,
    as_up_starts,
    conditions,
    in_turns,
)

HERE = Path(__file__).with_name("peers")
DOT = ("django-oauth-toolkit==3.4.1", "granian==2.8.7")
AUTHLIB = ("Authlib==1.9.10", "Django==6.1.3", "granian==2.8.7")
OIDC = "oidc-provider@9.13.3"
FORM = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret"}
BUDGETS = {
    "django-oauth-toolkit, secret": "must ≥ 10, aim 18",
    "oidc-provider, secret": "must ≥ 1.5, aim 2.5",
    "oidc-provider, assertion": "must ≥ 1.2, aim 1.8",
}
"""Ours ÷ theirs, in tokens per CPU second."""


def main(rounds: int = 12, times: int = 300, *connections: int) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-peers-") as name:
        folder = Path(name)
        environment, planted = prepared(folder)
        started: list[Server] = []
        try:
            ours = Server("Latchkey", as_up_starts("dashboard.wsgi:application"), environment)
            started.append(ours)
            secret, assertion = by_secret(planted["path"], planted["form"]), by_assertion(planted)
            races = {"secret": [(ours, secret)], "assertion": [(ours, assertion)]}
            for peer in (_dot, _authlib, _oidc):
                peer(folder, started, races, planted)
            print(f"before: {conditions()}")
            for lines in connections or (1, 16, 64):
                for race in races.items():
                    _run(*race, rounds, times, lines)
        finally:
            for server in started:
                server.stop()
    print(f"after:  {conditions()}")


def _run(
    title: str, contestants: list[Contestant], rounds: int, times: int, connections: int
) -> None:
    costs = in_turns(contestants, rounds, times, connections)
    print(f"\nby {title}, {connections} connections, {rounds} rounds of {times} in turns")
    print(f"{'':24}{'µs of CPU':>10}{'ours ÷ theirs':>15}{'middle half':>18}")
    for (server, _), cost in zip(contestants, costs, strict=True):
        ratios = [theirs / our for theirs, our in zip(cost, costs[0], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        half, budget = f"{low:.1f} to {high:.1f}", BUDGETS.get(f"{server.name}, {title}", "")
        print(f"{server.name:24}{median(cost):10.0f}{middle:15.1f}{half:>18}  {budget}", flush=True)


type Races = dict[str, list[Contestant]]


def _dot(folder: Path, started: list[Server], races: Races, _: dict[str, Any]) -> None:
    server = _wsgi("django-oauth-toolkit", "dot", DOT, folder)
    started.append(server)
    races["secret"].append((server, by_secret("/o/token/", FORM)))


def _authlib(folder: Path, started: list[Server], races: Races, _: dict[str, Any]) -> None:
    server = _wsgi("Authlib for Django", "authlib_django", AUTHLIB, folder)
    started.append(server)
    races["secret"].append((server, by_secret("/token", FORM)))


def _wsgi(name: str, module: str, packages: tuple[str, ...], folder: Path) -> Server:
    """On the server that ours runs on, with its options, in a virtual environment of its own."""
    home = folder / module
    _run_command(sys.executable, "-m", "venv", home)
    python = home / "bin" / "python"
    _run_command(python, "-m", "pip", "install", "--quiet", *packages)
    shutil.copy(HERE / f"{module}.py", home)
    _run_command(python, f"{module}.py", folder=home)
    return Server(name, _under(python, f"{module}:application"), _bare(home), folder=home)


def _under(python: Path, application: str) -> Callable[[int], list[str]]:
    return lambda port: [str(python), *as_up_starts(application)(port)[1:]]


def _oidc(folder: Path, started: list[Server], races: Races, planted: dict[str, Any]) -> None:
    """In memory, in one process."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        print("There is no Node: oidc-provider is left out.")
        return
    home = folder / "oidc"
    home.mkdir()
    (home / "package.json").write_text('{"private": true}')
    _run_command("npm", "install", "--silent", "--no-audit", "--no-fund", OIDC, folder=home)
    shutil.copy(HERE / "oidc.mjs", home)
    private = planted["private"]
    public = json.dumps({n: private[n] for n in ("kty", "crv", "x", "y")} | {"kid": "k1"})
    server = Server(
        "oidc-provider",
        lambda port: [node, "oidc.mjs", str(port), public],
        _bare(home) | {"NODE_ENV": "production"},
        folder=home,
        errors=subprocess.DEVNULL,
    )
    started.append(server)
    issuer = f"http://127.0.0.1:{server.port}"
    races["secret"].append((server, by_secret("/token", FORM)))
    races["assertion"].append((server, Signing("/token", "signer", issuer, private)))


def _bare(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONWARNINGS": "ignore"}


def _run_command(*words: str | Path, folder: Path = ROOT) -> None:
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{words} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
