'use strict';
// Who is at the other end of a connection: its address, whether it is on this machine, and whether it is our own user
// there, or root.

const fs = require('fs');
const net = require('net');
const os = require('os');

const { isLoopback, ownAddresses, withoutMapping } = require('./addresses.cjs');

const peers = new WeakMap(); // socket -> { address, isLocal, isOwn }

function recognise(socket) {
  const address = withoutMapping(socket.remoteAddress);
  const isLocal = address !== '' && (isLoopback(address) || ownAddresses().includes(address));
  peers.set(socket, { address, isLocal, isOwn: isLocal && belongsToUs(socket) });
}

// The kernel knows whose socket is at the other end of a connection within this machine. A socket that its process has
// closed already is listed with uid 0 and inode 0, and counts as unknown.
function belongsToUs(socket) {
  const local = `:${portHex(socket.remotePort)}`;
  const remote = `:${portHex(socket.localPort)}`;
  const locals = addressHexes(withoutMapping(socket.remoteAddress)).map((hex) => hex + local);
  const remotes = addressHexes(withoutMapping(socket.localAddress)).map((hex) => hex + remote);
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    if (!fs.existsSync(table)) continue;
    for (const line of fs.readFileSync(table, 'latin1').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (locals.includes(fields[1]) && remotes.includes(fields[2])) {
        return fields[9] !== '0' && ['0', String(process.getuid())].includes(fields[7]);
      }
    }
  }
  return false;
}

function portHex(port) {
  return Number(port).toString(16).toUpperCase().padStart(4, '0');
}

// An address as /proc/net/tcp and tcp6 write it: 32-bit words in the machine's byte order.
function addressHexes(address) {
  if (net.isIPv4(address)) {
    const word = wordHex(address.split('.').map(Number));
    return [word, `${'0'.repeat(16)}${wordHex([0, 0, 255, 255])}${word}`];
  }
  if (!net.isIPv6(address)) return [];
  const [head, tail] = address.split('::').map((part) => (part ? part.split(':') : []));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  const bytes = groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
  return [[0, 4, 8, 12].map((start) => wordHex(bytes.slice(start, start + 4))).join('')];
}

function wordHex(bytes) {
  const ordered = os.endianness() === 'LE' ? [...bytes].reverse() : bytes;
  return ordered.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}

module.exports = { peers, recognise };
