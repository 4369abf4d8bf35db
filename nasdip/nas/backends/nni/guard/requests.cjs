'use strict';
// Who may ask: not web pages, not other users of this machine, not machines beside NASDIP_NNI_ALLOW.

const http = require('http');
const os = require('os');

const { ALLOW, LISTEN, LOOPBACK_NAMES, WILDCARDS, ownAddresses } = require('./addresses.cjs');
const { peers, recognise } = require('./peers.cjs');
const { refuse } = require('./words.cjs');

function urlPrefix() {
  const index = process.argv.indexOf('--url-prefix');
  return index < 0 || !process.argv[index + 1] ? '' : `/${process.argv[index + 1]}`;
}

// Why a request is refused, as [kind, words]; null where it may pass.
function objection(request, isUpgrade) {
  const peer = peers.get(request.socket);
  if (!peer) return ['unknown', 'its connection is unknown'];
  const { host, origin } = request.headers;
  if (!peer.isLocal) {
    if (!ALLOW.includes(peer.address)) return ['address', `${peer.address} is not an allowed machine`];
    const channel = `${urlPrefix()}/platform/`;
    const isWorker = isUpgrade && !origin && request.url.startsWith(channel) && !/[.%?]/.test(request.url);
    return isWorker ? null : ['path', `${peer.address} may connect workers, and nothing else`];
  }
  if (!peer.isOwn) return ['user', 'it comes from another user of this machine'];
  if (!isOwnHost(host)) return ['host', `Host ${JSON.stringify(host || '')} is not this machine`];
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return ['origin', `Origin ${JSON.stringify(origin)} is another site`];
  }
  if (isFromAnotherSite(request)) return ['site', 'another web site caused it'];
  return isOpening(request) ? ['opening', 'it would let other programs in'] : null;
}

// NNI relays a web site from the internet under its own origin (netron), and starts a TensorBoard which listens on
// every interface.
function isOpening({ method, url }) {
  let target;
  try {
    const place = url.replace(/^[a-z]+:\/\/[^/]*/i, '').split(/[?#]/)[0];
    target = decodeURIComponent(place).replace(/\/+/g, '/').toLowerCase();
  } catch {
    return true;
  }
  const below = target.startsWith(`${urlPrefix().toLowerCase()}/`) ? target.slice(urlPrefix().length) : target;
  if (/^\/netron(\/|$)/.test(below)) return true;
  return !['GET', 'HEAD'].includes(method) && below.startsWith('/api/v1/nni/tensorboard');
}

function isOwnHost(host) {
  const name = (host || '').toLowerCase().replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (LOOPBACK_NAMES.includes(name)) return true;
  if (!LISTEN || !name) return false;
  return WILDCARDS.includes(LISTEN) ? [...ownAddresses(), os.hostname().toLowerCase()].includes(name) : name === LISTEN;
}

function isFromAnotherSite(request) {
  const { headers } = request;
  const isVisit = request.method === 'GET' && headers['sec-fetch-mode'] === 'navigate'
    && headers['sec-fetch-dest'] === 'document';
  return ['cross-site', 'same-site'].includes(headers['sec-fetch-site']) && !isVisit;
}

function filterRequests() {
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, ...args) {
    if (event === 'connection') recognise(args[0]);
    const isUpgrade = event === 'upgrade' || event === 'connect';
    if (!isUpgrade && !['request', 'checkContinue', 'checkExpectation'].includes(event)) {
      return emit.call(this, event, ...args);
    }
    const reason = objection(args[0], isUpgrade);
    if (reason === null) return emit.call(this, event, ...args);
    refuse(args[1], isUpgrade, 403, reason);
    return true;
  };
}

module.exports = { filterRequests };
