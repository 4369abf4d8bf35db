'use strict';
// What may be sent: no serialized Python objects, neither in bodies nor in the messages of workers.

const { isHarmless } = require('./harmless.cjs');
const { refuse, sayOnce } = require('./words.cjs');

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

module.exports = { filterBodies, filterWorkers };
