'use strict';
// What the guard says: why NNI does not start, each kind of refusal once, and the answer to a refused request.

const http = require('http');

function fail(reason) {
  process.stderr.write(`nasdip guard: ${reason}; NNI does not start\n`);
  process.exit(1);
}

const said = new Set();

function sayOnce(kind, text) {
  if (said.has(kind)) return;
  said.add(kind);
  process.stderr.write(`nasdip guard: ${text} (further ones like it are not logged)\n`);
}

function refuse(target, isUpgrade, status, [kind, words]) {
  sayOnce(kind, `refused a request: ${words}`);
  const body = `refused by nasdip's guard: ${words}\n`;
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
  if (isUpgrade) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    target.on('error', () => {});
    target.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${lines}\r\n${body}`);
  } else {
    target.writeHead(status, headers);
    target.end(body);
  }
}

module.exports = { fail, sayOnce, refuse };
