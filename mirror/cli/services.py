"""From what `mirror.toml` and `--at` name to counterparts that can be asked, each on the one way out."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirror.cli.main import Session
from mirror.cli.terminal import in_one_line
from mirror.cli.typed import as_typed
from mirror.errors import Malformed, Refused, Unavailable
from mirror.formats import ipns
from mirror.formats.cid import CID
from mirror.naming import Place, Source
from mirror.network.held import Authorization
from mirror.network.kubo import Node
from mirror.network.routing import Endpoint
from mirror.store import files
from mirror.store.settings import KUBO, Service
from mirror.store.workspace import Workspace


def check_shown(session: Session, who: str, *, shows: bool) -> None:
    """Raise `Refused` where a proxy is set, and nobody said that a node may show its address all the same."""
    if session.route.proxy is not None and not shows:
        raise Refused(
            f"{who} is left out: a proxy is set, and a node shows everyone the internet address it speaks from",
            hint="if that may be seen, or the node is not where you are: --node-shows-its-address",
        )


def authorization_of(workspace: Workspace, service: Service) -> Authorization | None:
    """What is shown to a service; None where it asks for nothing."""
    credential = workspace.credentials.read(service.name)
    return None if credential is None else Authorization.parse(credential.line)


def open_node(session: Session, workspace: Workspace, service: Service) -> Node:
    """The node that a service of the kind kubo is; connects to nothing yet."""
    authorization = authorization_of(workspace, service)
    with as_typed(f"mirror.toml: service.{service.name}"):
        return Node(service.name, service.address, authorization, session.route)


@contextlib.contextmanager
def open_places(session: Session, workspace: Workspace, at: Sequence[str], *, shows: bool) -> Iterator[list[Place]]:
    """Everyone who keeps names, as mirror.toml and `--at` name them, ready to be asked."""
    with as_typed():
        settings = workspace.settings
    with contextlib.ExitStack() as stack:
        found: list[Place] = []
        for service in settings.service:
            if service.kind == KUBO:
                found.append(_node(session, workspace, service, stack, shows=shows))
        found += [stack.enter_context(Endpoint(url, session.route)) for url in settings.routing]
        for where in at:
            with as_typed(f"--at {in_one_line(where[:80])}"):
                found.append(_place(session, where, stack, shows=shows))
        yield found


@contextlib.contextmanager
def open_sources(session: Session, workspace: Workspace, at: Sequence[str], *, shows: bool) -> Iterator[list[Source]]:
    """The same, and the files of records that `--at` names."""
    kept = [where for where in at if "://" not in where and Path(where).is_file()]
    others = [where for where in at if where not in kept]
    with open_places(session, workspace, others, shows=shows) as places:
        yield [*(RecordFile(Path(where)) for where in kept), *places]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """The record of a name in a file, as a source."""

    path: Path

    @property
    def who(self) -> str:
        """What it is called."""
        return f"the file {self.path}"

    def get_name(self, key: CID) -> bytes:
        """What lies in it, unopened. Raises Malformed where that is larger than any record."""
        try:
            return files.read_at_most(self.path, ipns.RECORD_AT_MOST, "the record")
        except Refused as error:
            raise Malformed(error.message) from None


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Somebody who is not asked, and why."""

    who: str
    why: Refused

    def get_name(self, key: CID) -> bytes:
        raise Unavailable(self.why.message, hint=self.why.hint, how="left out")

    def put_name(self, record: bytes, key: CID) -> None:
        raise Unavailable(self.why.message, hint=self.why.hint)

    def block(self, cid: CID) -> bytes:
        raise Unavailable(self.why.message, hint=self.why.hint, how="left out")


def _node(
    session: Session, workspace: Workspace, service: Service, stack: contextlib.ExitStack, *, shows: bool
) -> Place:
    who = f"node {service.name} ({service.address})"
    try:
        check_shown(session, who, shows=shows)
        return stack.enter_context(open_node(session, workspace, service))
    except Refused as error:
        return _LeftOut(who, error)


def _place(session: Session, where: str, stack: contextlib.ExitStack, *, shows: bool) -> Place:
    if where.startswith(("http://", "https://")):
        return stack.enter_context(Endpoint(where, session.route))
    node = Node("--at", where, None, session.route)
    try:
        check_shown(session, node.who, shows=shows)
    except Refused as error:
        return _LeftOut(node.who, error)
    return stack.enter_context(node)
