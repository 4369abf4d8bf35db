"""Who listens on which TCP port of this machine."""

import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

# Of NNI's portal.
DEFAULT_PORT = 8080


class Listener(NamedTuple):
    """A listening socket: its address in words, and its port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.address)


def is_loopback(host: str) -> bool:
    """Whether an address or a name means this machine, reached from itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(port: int) -> list[Listener]:
    """Return the sockets that listen on `port`, whose ever they are; [] where the system does not tell."""
    return [listener for listener in _listeners(psutil.net_connections) if listener.port == port]


def listeners_of(pid: int) -> list[Listener]:
    """Return the listening sockets of a process of this user; [] where it has ended."""
    return _listeners(lambda kind: psutil.Process(pid).net_connections(kind))


def _listeners(connections: Callable[[str], list[Any]]) -> list[Listener]:
    try:
        found = connections("tcp")
    except (OSError, psutil.Error):
        return []
    return [Listener(_address(c.laddr.ip), c.laddr.port) for c in found if c.status == psutil.CONN_LISTEN]


def _address(text: str) -> str:
    """Return an address; that of version 4 where version 6 maps it."""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)
