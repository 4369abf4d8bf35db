'use strict';
// Which trial gets which parameters: those it was submitted with, however long it waits for a slot.

const { sayOnce } = require('./words.cjs');

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

module.exports = { bindParameters };
