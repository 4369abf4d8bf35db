'use strict';
// Remote workers: their trial keepers are guarded too.

const { sayOnce } = require('./words.cjs');

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
    return await worker.ssh.run(`${worker.python} -c "import nasdip.nas.backends.nni.launch as l; print(l.GUARD)"`);
  } catch (error) {
    const words = `worker ${worker.config.host} has no nasdip for ${worker.config.pythonPath || worker.python}: install it there`;
    sayOnce('worker nasdip', words);
    throw new Error(words);
  }
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

module.exports = { guardWorkers };
