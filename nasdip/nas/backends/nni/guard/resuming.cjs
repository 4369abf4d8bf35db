'use strict';
// How many new trials a resumed search asks for at first: as many as its interrupted ones leave slots.

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

module.exports = { askForFreeSlots };
