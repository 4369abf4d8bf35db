"""Who listens on which TCP port of this machine, read from /proc."""

import ipaddress
import struct
from pathlib import Path
from typing import NamedTuple

# Of NNI's portal.
DEFAULT_PORT = 8080
_LISTEN = "0A"


class Listener(NamedTuple):
    """A listening socket: its address in words, its port, and the id of the user whose it is."""

    address: str
    port: int
    uid: int

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


def listening(port: int | None = None) -> list[Listener]:
    """Return the sockets that listen (on `port`); [] where the system does not tell."""
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, number = fields[1].split(":")
                found.append(Listener(_address(address), int(number, 16), int(fields[7])))
    return [listener for listener in found if port is None or listener.port == port]


def _address(text: str) -> str:
    """Return the address of /proc/net/tcp's words of 32 bits, each in the machine's byte order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(struct.pack("=I", word) for word in words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
