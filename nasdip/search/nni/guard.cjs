'use strict';
// Preload of NNI's manager, and of its trial keeper on a remote worker: NODE_OPTIONS=--require="guard.cjs".
//
// Stock NNI 3.0 listens on every interface without a password, decodes pickled objects from requests, and hands
// parameters to whichever trial asks first. This preload (see nasdip/search/nni/launch.py, which sets it)
//   binds to loopback, and to NASDIP_NNI_LISTEN where set,
//   refuses requests of web pages, of other users of this machine, and of machines not in NASDIP_NNI_ALLOW,
//   refuses serialized Python objects in what it receives,
//   binds every trial to its parameters before the trial starts.
// Any other Node process is left alone. NASDIP_NNI_GUARD=1, which the tuner inherits, says that all of it is in place.

const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');
const Module = require('module');

const LISTEN = (process.env.NASDIP_NNI_LISTEN || '').toLowerCase();
const ALLOW = (process.env.NASDIP_NNI_ALLOW || '').split(',').map((item) => item.trim()).filter(Boolean);
const WILDCARDS = ['', '0.0.0.0', '::'];
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

const script = (process.argv[1] || '').replaceAll('\\', '/');
const isManager = script.endsWith('/nni_node/main.js');
const isKeeper = script.endsWith('/nni_node/common/trial_keeper/main.js');

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

// --- Where it listens ---------------------------------------------------------------------------------------------

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

// --- Who may ask --------------------------------------------------------------------------------------------------

const peers = new WeakMap(); // socket -> { address, isLocal, isOwn }

function isLoopback(address) {
  return address === '' || LOOPBACK_NAMES.includes(address) || /^127(\.\d+){3}$/.test(address);
}

function ownAddresses() {
  return Object.values(os.networkInterfaces()).flat().map((item) => item.address.toLowerCase());
}

function withoutMapping(address) {
  return (address || '').toLowerCase().replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}

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

// --- What may be sent ---------------------------------------------------------------------------------------------

// What nni.load and json_tricks turn into imports, calls and unpickling, wherever it stands.
const DANGEROUS = /__(nni_\w+|symbol|instance_type|enum|enum_instance_type|pandas_\w+)__/;
const PLAIN_NUMBER = /^(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))_?$/;

// Whether a text, JSON or not, is free of serialized Python objects. It may hold JSON in JSON in JSON, as metrics do.
function isHarmless(text) {
  if (DANGEROUS.test(unescaped(text))) return false;
  try {
    return isPlainText(text);
  } catch (error) { // nested too deep to look through
    return false;
  }
}

function unescaped(text) {
  for (;;) {
    const next = text.replace(/\\(u[0-9a-fA-F]{4}|[^])/g, (_all, code) => (
      code.length === 5 ? String.fromCharCode(parseInt(code.slice(1), 16)) : code));
    if (next === text) return text;
    text = next;
  }
}

function isPlainText(text) {
  if (!/[[{]/.test(text)) return true;
  let data;
  try {
    data = JSON.parse(withoutNan(text));
  } catch (error) { // not JSON here; Python's decoder, which strips comments, may think otherwise
    return !/"\s*__/.test(unescaped(text));
  }
  return isPlain(data);
}

// Python writes NaN and Infinity, which JSON lacks.
function withoutNan(text) {
  return text.replace(/"(?:[^"\\]|\\[^])*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part[0] === '"' ? part : 'null'));
}

function isPlain(data) {
  if (typeof data === 'string') return isPlainText(data);
  if (data === null || typeof data !== 'object') return true;
  if (Array.isArray(data)) return data.every(isPlain);
  return Object.keys(data).every((key) => (
    (!key.startsWith('__') || (key === '__ndarray__' && isNumbers(data))) && isPlainText(key) && isPlain(data[key])));
}

// json_tricks calls numpy's attribute `dtype` for scalars: only number types are plain data.
function isNumbers(data) {
  return PLAIN_NUMBER.test(data.dtype) && typeof data.dtype === 'string' && Array.isArray(data.shape);
}

function filterBodies(express) {
  const { json } = express;
  const verify = (_request, _response, body, encoding) => {
    if (encoding !== 'utf-8') throw new Refusal('charset', `bodies in ${encoding} are not read`);
    if (!isHarmless(body.toString('utf8'))) throw new Refusal('objects', 'the body holds serialized Python objects');
  };
  express.json = (options) => {
    const parse = json({ ...options, verify });
    return (request, response, next) => parse(request, response, (error) => {
      if (error instanceof Refusal) refuse(response, false, 400, error.reason);
      else next(error);
    });
  };
}

class Refusal extends Error {
  constructor(kind, words) {
    super(words);
    this.reason = [kind, words];
  }
}

// Workers forward what their trials say, and the tuner decodes it.
function filterWorkers(WsChannelServer) {
  const handle = WsChannelServer.prototype.handleConnection;
  WsChannelServer.prototype.handleConnection = function (channelId, socket) {
    if (this.path.startsWith('/platform/')) {
      const emit = socket.emit;
      socket.emit = function (event, ...args) {
        if (event !== 'message' || isHarmless(String(args[0]))) return emit.call(this, event, ...args);
        sayOnce('worker', `dropped a message of worker ${channelId}: it holds serialized Python objects`);
        return true;
      };
    }
    return handle.call(this, channelId, socket);
  };
}

// --- Which trial gets which parameters ----------------------------------------------------------------------------

// NNI binds parameters to a trial whose form has an id and an environment, as resumed trials have; so every form gets
// them. Where the trial cannot start yet, NNI would fall back to unbound parameters, in a loop without a pause; so
// starting it waits.
function bindParameters(V3asV1, uniqueString, globals) {
  const submit = V3asV1.prototype.submitTrialJob;
  const forms = new Map();
  const patient = new WeakSet();
  V3asV1.prototype.submitTrialJob = async function (form) {
    await this.startDeferred.promise;
    if (!patient.has(this.v3)) waitForSlots(this, forms, globals);
    patient.add(this.v3);
    const bound = { ...form, id: form.id || uniqueString(5), envId: form.envId || 'any' };
    forms.set(bound.id, bound);
    this.allocatedParameters.set(bound.id, form.hyperParameters.value);
    try {
      return await submit.call(this, bound);
    } finally {
      forms.delete(bound.id);
    }
  };
}

// After a resume NNI runs its interrupted trials again, and asks the tuner for as many new ones as run at once, beside
// them: drawn earlier than in a search that was never interrupted. The trials that run again take their slots here.
function askForFreeSlots(NNIManager, initialized) {
  const { addRecoveredTrialJob, onTunerCommand, requestTrialJobs } = NNIManager.prototype;
  const recovered = new WeakMap();
  let isBeginning = false;
  NNIManager.prototype.addRecoveredTrialJob = function (jobs) {
    const number = addRecoveredTrialJob.call(this, jobs);
    recovered.set(this, number);
    return number;
  };
  NNIManager.prototype.onTunerCommand = async function (type, content) {
    isBeginning = type === initialized;
    const answer = onTunerCommand.call(this, type, content); // asks before it first waits
    isBeginning = false;
    return answer;
  };
  NNIManager.prototype.requestTrialJobs = function (number) {
    return requestTrialJobs.call(this, isBeginning ? number - (recovered.get(this) || 0) : number);
  };
}

function waitForSlots(service, forms, globals) {
  const create = service.v3.createTrial.bind(service.v3);
  let wake = () => {};
  service.v3.onTrialEnd(() => wake());
  service.v3.createTrial = async (envId, command, directory, sequenceId, trialId) => {
    for (let attempt = 0; ; attempt += 1) {
      if (globals.shutdown.processStatus === 'stopping') return new Promise(() => {});
      const isKnown = service.environments.some((environment) => environment.id === envId);
      const chosen = attempt === 0 && isKnown ? envId : service.schedule();
      const ended = new Promise((resolve) => { wake = resolve; });
      if (chosen !== null && await started(create, [chosen, command, directory, sequenceId, trialId])) {
        forms.get(trialId).envId = chosen;
        return trialId;
      }
      if (attempt === 3) sayOnce('slot', `trial ${trialId} waits for a free slot or GPU`);
      // Every attempt costs a process which looks at the GPUs, so it is worth waiting for the end of a trial.
      await Promise.race([ended, sleep(Math.min(2000 * 2 ** attempt, 15000))]);
      await sleep(100);
    }
  };
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

async function started(create, args) {
  try {
    return Boolean(await create(...args));
  } catch (error) {
    sayOnce('start', `a trial did not start, and is tried again: ${error.message}`);
    return false;
  }
}

// --- Remote workers -----------------------------------------------------------------------------------------------

// The trial keeper on a worker is NNI's Node process too: it gets the guard of the worker's own nasdip.
function guardWorkers(Worker) {
  const launch = Worker.prototype.launchTrialKeeperDaemon;
  Worker.prototype.launchTrialKeeperDaemon = async function () {
    const run = this.ssh.run;
    const guard = await workersGuard(this);
    this.ssh.run = function (command) {
      const isLaunch = command.includes('nni_manager_scripts.launch_trial_keeper ');
      return run.call(this, isLaunch ? `NODE_OPTIONS=${quoted(`--require=${JSON.stringify(guard)}`)} ${command}` : command);
    };
    try {
      return await launch.call(this);
    } finally {
      this.ssh.run = run;
    }
  };
}

async function workersGuard(worker) {
  try {
    return await worker.ssh.run(`${worker.python} -c "import nasdip.search.nni.launch as l; print(l.GUARD)"`);
  } catch (error) {
    const words = `worker ${worker.config.host} has no nasdip for ${worker.config.pythonPath || worker.python}: install it there`;
    sayOnce('worker nasdip', words);
    throw new Error(words);
  }
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// --- Putting it in place ------------------------------------------------------------------------------------------

function expect(holder, name, ...fragments) {
  const found = holder && holder[name];
  const text = typeof found === 'function' ? Function.prototype.toString.call(found) : '';
  if (!text || !fragments.every((fragment) => text.includes(fragment))) throw new Error(`its ${name} is another one`);
}

function guardNni(root) {
  const load = Module.createRequire(path.join(root, 'main.js'));
  const nni = (file) => load(path.join(root, file));
  load('app-module-path').addPath(root);
  const { globals } = nni('common/globals/index.js'); // first, as in main.js: its modules need each other
  const express = load('express');
  expect(express, 'json');
  expect({ RestManager: nni('common/globals/rest.js').RestManager }, 'RestManager', 'express_1.default.json(');
  filterBodies(express);
  if (isManager) guardManager(nni, globals);
}

// Some of NNI's modules cannot be loaded before main.js has prepared them.
function onceLoaded(name, patch) {
  const load = Module._load;
  Module._load = function (...args) {
    const found = load.apply(this, args);
    if (found && typeof found[name] === 'function' && Module._load !== load) {
      Module._load = load;
      try {
        patch(found);
      } catch (error) {
        fail(wrongVersion(error));
      }
    }
    return found;
  };
}

function wrongVersion(error) {
  return `this NNI is not the one it was made for, 3.0 (${String(error.message).split('\n')[0]})`;
}

function guardManager(nni, globals) {
  const { V3asV1 } = nni('training_service/v3/compat.js');
  const { Worker } = nni('training_service/remote_v3/worker.js');
  const { WsChannelServer } = nni('common/command_channel/websocket/server.js');
  const { uniqueString } = nni('common/utils.js');
  expect(V3asV1.prototype, 'submitTrialJob', 'form.id && form.envId', 'envId = form.envId',
    'this.allocatedParameters.set(trialId, form.hyperParameters.value)', 'this.v3.createTrial(form.envId,');
  expect(V3asV1.prototype, 'start', 'this.allocatedParameters.has(trialId)');
  expect(V3asV1.prototype, 'schedule');
  expect(Worker.prototype, 'launchTrialKeeperDaemon', 'nni_manager_scripts.launch_trial_keeper ', 'this.ssh.run(');
  expect(WsChannelServer.prototype, 'handleConnection', 'channelId, ws');
  bindParameters(V3asV1, uniqueString, globals);
  const { INITIALIZED } = nni('core/commands.js');
  onceLoaded('NNIManager', ({ NNIManager }) => {
    expect(NNIManager.prototype, 'addRecoveredTrialJob', 'return trialData.length');
    expect(NNIManager.prototype, 'onTunerCommand', 'this.requestTrialJobs(this.experimentProfile.params.trialConcurrency)');
    expect(NNIManager.prototype, 'requestTrialJobs', 'jobNum < 1');
    askForFreeSlots(NNIManager, INITIALIZED);
  });
  guardWorkers(Worker);
  filterWorkers(WsChannelServer);
}

if (isManager || isKeeper) {
  const root = path.dirname(isManager ? script : path.dirname(path.dirname(script)));
  delete process.env.NASDIP_NNI_GUARD;
  try {
    bindLocally();
    filterRequests();
    guardNni(root);
  } catch (error) {
    fail(wrongVersion(error));
  }
  process.env.NASDIP_NNI_GUARD = '1';
}
