'use strict';
// Where it listens: on loopback, and on NASDIP_NNI_LISTEN where set.

const http = require('http');
const net = require('net');

const { LISTEN, WILDCARDS, isLoopback } = require('./addresses.cjs');
const { fail } = require('./words.cjs');

const listen = net.Server.prototype.listen;

function bindLocally() {
  const main = LISTEN && WILDCARDS.includes(LISTEN) ? LISTEN : '127.0.0.1';
  const others = [main === '::' ? null : '::1', isLoopback(LISTEN) || main === LISTEN ? null : LISTEN].filter(Boolean);
  net.Server.prototype.listen = function (...args) {
    const [options] = net._normalizeArgs(args);
    if (options.port === undefined || options.path !== undefined || !WILDCARDS.includes(options.host || '')) {
      return listen.apply(this, args);
    }
    if (this instanceof http.Server) this.once('listening', () => others.forEach((host) => alsoListen(this, host)));
    const callback = args[args.length - 1];
    return listen.call(this, { ...options, host: main }, ...(typeof callback === 'function' ? [callback] : []));
  };
}

// The same port on another address. On ::1 it keeps other users' servers out of the way of whoever asks for localhost.
function alsoListen(server, host) {
  const { port } = server.address();
  const twin = net.createServer({ allowHalfOpen: true }, (socket) => server.emit('connection', socket));
  twin.on('error', (error) => {
    const noIpv6 = host === '::1' && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(error.code);
    if (!noIpv6) fail(`cannot listen on ${host}, port ${port} (${error.code})`);
  });
  listen.call(twin, { port, host });
  server.once('close', () => twin.close());
}

module.exports = { bindLocally };
