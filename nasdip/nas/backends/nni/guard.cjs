'use strict';
// Preload of NNI's manager, and of its trial keeper on a remote worker: NODE_OPTIONS=--require="guard.cjs".
//
// Stock NNI 3.0 listens on every interface without a password, decodes pickled objects from requests, and hands
// parameters to whichever trial asks first. This preload (see nasdip/nas/backends/nni/launch.py, which sets it)
//   binds to loopback, and to NASDIP_NNI_LISTEN where set (guard/listening.cjs),
//   refuses requests of web pages, of other users of this machine, and of machines not in NASDIP_NNI_ALLOW
//     (guard/requests.cjs, guard/peers.cjs),
//   refuses serialized Python objects in what it receives (guard/contents.cjs, guard/harmless.cjs),
//   binds every trial to its parameters before the trial starts (guard/parameters.cjs),
//   lets a resumed search ask for no more trials than it has free slots for (guard/resuming.cjs),
//   guards the trial keepers of remote workers (guard/workers.cjs).
// Any other Node process is left alone. NASDIP_NNI_GUARD=1, which the tuner inherits, says that all of it is in place.

const path = require('path');
const Module = require('module');

const script = (process.argv[1] || '').replaceAll('\\', '/');
const isManager = script.endsWith('/nni_node/main.js');
const isKeeper = script.endsWith('/nni_node/common/trial_keeper/main.js');

if (!isManager && !isKeeper) return; // and none of the parts is read

const { filterBodies, filterWorkers } = require('./guard/contents.cjs');
const { bindLocally } = require('./guard/listening.cjs');
const { bindParameters } = require('./guard/parameters.cjs');
const { filterRequests } = require('./guard/requests.cjs');
const { askForFreeSlots } = require('./guard/resuming.cjs');
const { fail } = require('./guard/words.cjs');
const { guardWorkers } = require('./guard/workers.cjs');

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
